import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { disposePrograms, isFree, modes, Program } from './program.js';

const idOf = (what: string): number => Number(spawnSync('id', [what, 'nobody'], { encoding: 'utf8' }).stdout);

/** Real, effective, saved and file system ids, which `/proc` tells of every process, and its other groups. */
function idsOf(pid: number): { uid: number[]; gid: number[]; groups: number[] } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const numbers = (field: string): number[] =>
    (new RegExp(`^${field}:(.*)$`, 'm').exec(status)![1]!.match(/\d+/g) ?? []).map(Number);
  return { uid: numbers('Uid'), gid: numbers('Gid'), groups: numbers('Groups') };
}

describe('A server with a user', () => {
  let directory: string;
  const path = (name: string): string => join(directory, name);
  const [uid, gid] = [idOf('-u'), idOf('-g')];

  before(function () {
    // Only root can become somebody else.
    if (process.getuid?.() !== 0) this.skip();
  });
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'shoal-user-'));
    chownSync(directory, uid, gid);
  });
  afterEach(() => {
    disposePrograms();
    rmSync(directory, { recursive: true, force: true });
  });
  const start = (settings: object = {}): Program =>
    Program.app('blocks', 'BlocksApp', { user: 'nobody', runtimeDirectory: directory, ...settings });

  for (const [name, settings] of Object.entries(modes)) {
    it(`runs every process as that user, on a port of root's, and stops clean (${name} mode)`, async () => {
      const [logFile, pidFile] = [path('log'), path('pid')];
      const listeners = [
        {
          type: 'tcp',
          name: 'lines',
          host: '127.0.0.1',
          port: await privilegedPort(),
          framing: { kind: 'delimiter', bytes: [10] },
        },
      ];
      const program = start({ ...settings, listeners, logFile, pidFile });
      const log = (): string => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '');
      await program.until(() => log().includes(' serves: ') || program.exit !== undefined, 'the banner');
      expect(program.stderr).to.equal('');
      const pids = program.group.members();
      expect(pids).to.have.length({ process: 3, base: 3, single: 1 }[name]!);
      for (const pid of pids) {
        expect(idsOf(pid), String(pid)).to.deep.equal({
          uid: Array<number>(4).fill(uid),
          gid: Array<number>(4).fill(gid),
          groups: [gid],
        });
      }
      expect(readFileSync(pidFile, 'utf8')).to.equal(`${program.pid}\n`);
      for (const file of [logFile, pidFile]) expect(statSync(file)).to.include({ uid, gid });
      // Opened anew by whoever is no root any more.
      renameSync(logFile, path('log.1'));
      program.signal('SIGWINCH');
      await program.until(() => log().includes('opened the log file anew'), 'a new log file');
      expect(statSync(logFile)).to.include({ uid, gid });
      program.signal('SIGTERM');
      expect(await program.left()).to.deep.equal({ code: 0, signal: null });
      expect(readdirSync(directory).toSorted()).to.deep.equal(['log', 'log.1']);
      expect(log()).to.not.include('"level":"error"');
    });
  }

  it('replaces a worker that was killed by one of the same user', async () => {
    const program = start(modes.process);
    await program.ready();
    const killed = program.pidOf('worker 0');
    process.kill(killed, 'SIGKILL');
    const replacement = (): number | undefined =>
      [...program.titles()].find(([pid, title]) => pid !== killed && title.endsWith(': worker 0'))?.[0];
    await program.until(() => replacement() !== undefined, 'another worker');
    expect(idsOf(replacement()!).uid).to.deep.equal(Array<number>(4).fill(uid));
  });

  it('takes a group of its own, and numbers', async () => {
    const program = start({ ...modes.process, user: String(uid), group: '12345' });
    await program.ready();
    for (const pid of program.group.members()) {
      expect(idsOf(pid)).to.deep.include({
        uid: Array<number>(4).fill(uid),
        gid: Array<number>(4).fill(12_345),
      });
      expect(idsOf(pid).groups).to.not.include(0);
    }
  });

  it('takes a number that no entry names, when a group is beside it', async () => {
    const alone = start({ user: '54321' });
    expect((await alone.left()).code).to.equal(78);
    expect(alone.stderr).to.equal(
      'CONFIG_USER: user 54321 has no entry and so no group: write group as well\n',
    );
    chownSync(directory, 54_321, 0);
    const program = start({ ...modes.single, user: '54321', group: '54322' });
    await program.ready();
    expect(idsOf(program.pid)).to.deep.equal({
      uid: Array<number>(4).fill(54_321),
      gid: Array<number>(4).fill(54_322),
      groups: [54_322],
    });
  });

  it('is refused for a user or a group that the system does not know', async () => {
    const program = start({ user: 'no-such-user' });
    expect((await program.left()).code).to.equal(78);
    expect(program.stderr).to.match(
      /^CONFIG_USER: cannot become user no-such-user: this system does not know it\. Write one that exists, or create it/,
    );
    const other = start({ group: 'no-such-group' });
    expect((await other.left()).code).to.equal(78);
    expect(other.stderr).to.match(
      /^CONFIG_USER: cannot become group no-such-group: this system does not know it/,
    );
  });

  for (const [option, setting, code] of [
    ['logFile', (place: string) => ({ logFile: join(place, 'log') }), 'CONFIG_LOG_FILE'],
    ['pidFile', (place: string) => ({ pidFile: join(place, 'pid') }), 'CONFIG_PID_FILE'],
    ['runtimeDirectory', (place: string) => ({ runtimeDirectory: place }), 'CONFIG_RUNTIME_DIRECTORY'],
  ] as const) {
    it(`is refused when that user could not write its ${option}, before a port is bound`, async () => {
      mkdirSync(path('roots'));
      const program = start(setting(path('roots')));
      expect((await program.left()).code).to.equal(78);
      expect(program.stderr).to.match(new RegExp(`^${code}: .*EACCES`));
      expect(readdirSync(path('roots'))).to.deep.equal([]);
    });
  }

  it('is refused for a log file of root', async () => {
    writeFileSync(path('log'), '');
    chmodSync(path('log'), 0o640);
    const program = start({ logFile: path('log') });
    expect((await program.left()).code).to.equal(78);
    expect(program.stderr).to.match(/^CONFIG_LOG_FILE: .*EACCES/);
  });

  it('needs no root for the user who starts it, and root for another', () => {
    const app = new URL('../fixtures/apps/blocks.js', import.meta.url).href;
    const runner = new URL('../fixtures/apps/run-app.js', import.meta.url).pathname;
    const run = (settings: object) => {
      const given = JSON.stringify({ runtimeDirectory: directory, ...settings });
      return spawnSync(process.execPath, [runner, app, 'BlocksApp', given], { uid, gid, encoding: 'utf8' });
    };
    expect(run({ user: 'daemon' }).stderr).to.match(
      /^CONFIG_USER: cannot become user daemon: only root can, and this process has the uid \d+/,
    );
    // As far as the pid file, which comes later.
    expect(run({ user: 'nobody', pidFile: '/proc/pid' }).stderr).to.match(/^CONFIG_PID_FILE: /);
  });
});

/** A port that only root may bind and nobody has: other tests may run beside this one. */
async function privilegedPort(): Promise<number> {
  for (;;) {
    const port = 600 + Math.floor(Math.random() * 424);
    if (await isFree(port)) return port;
  }
}
