import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { NodeLog } from '@shoal/core/internal/platform/node/log';
import { endPrograms, start } from './program.js';

let directory: string;
const path = (name: string): string => join(directory, name);

function linesIn(file: string): Record<string, unknown>[] {
  const text = readFileSync(file, 'utf8');
  expect(text.endsWith('\n') || text === '').to.equal(true);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const messagesIn = (file: string): unknown[] => linesIn(file).map(({ msg }) => msg);
const say = (log: NodeLog, message: string): void => log.write({ level: 'info', role: 'master', message });
const opened = (file: string): NodeLog => {
  const log = new NodeLog({ write: () => {} });
  log.open(file);
  return log;
};

describe('A log file', function () {
  this.timeout(15_000);
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'shoal-log-'))));
  afterEach(async () => {
    await endPrograms();
    rmSync(directory, { recursive: true, force: true });
  });

  it('is made with mode 0640, and takes whole lines of JSON from then on', () => {
    const before: string[] = [];
    const log = new NodeLog({ write: (line) => before.push(line) });
    say(log, 'before');
    log.open(path('log'));
    say(log, 'after');
    expect(before).to.have.length(1);
    expect(statSync(path('log')).mode & 0o777).to.equal(0o640 & ~process.umask());
    const [line] = linesIn(path('log'));
    expect(line).to.include({ level: 'info', role: 'master', pid: process.pid, msg: 'after' });
  });

  it('is appended to when it is there', () => {
    writeFileSync(path('log'), '{"msg":"older"}\n');
    say(opened(path('log')), 'newer');
    expect(messagesIn(path('log'))).to.deep.equal(['older', 'newer']);
  });

  it('takes the lines of several processes without mixing them', async () => {
    const programs = [0, 1, 2].map(() => start('logs', ['file', '1000', path('log')]));
    for (const program of programs) await program.says('ready');
    for (const program of programs) program.process.send({ go: true });
    for (const program of programs) await program.says('written');
    const counts = new Map<unknown, number>();
    for (const { pid, index, padding } of linesIn(path('log'))) {
      expect(String(padding)).to.have.length(Number(index) * 10);
      counts.set(pid, (counts.get(pid) ?? 0) + 1);
    }
    expect([...counts.values()]).to.deep.equal([1000, 1000, 1000]);
  });

  it('keeps what is written under its new name until it is opened anew', () => {
    const log = opened(path('log'));
    say(log, 'one');
    renameSync(path('log'), path('log.1'));
    say(log, 'two');
    log.reopen();
    say(log, 'three');
    expect(messagesIn(path('log.1'))).to.deep.equal(['one', 'two']);
    expect(messagesIn(path('log'))).to.deep.equal(['three']);
  });

  it('goes on in the old one, and says so, when it cannot be opened anew', () => {
    mkdirSync(path('place'));
    const log = opened(path('place/log'));
    renameSync(path('place'), path('elsewhere'));
    log.reopen();
    say(log, 'still here');
    const [failure, line] = linesIn(path('elsewhere/log'));
    expect(failure).to.include({ level: 'error' });
    expect(failure!['msg']).to.match(/^cannot open the log file .*ENOENT.* The old one goes on$/);
    expect(line).to.include({ msg: 'still here' });
  });

  it('is refused where it cannot be opened, and nothing waits for a reader', () => {
    execFileSync('mkfifo', [path('pipe')]);
    for (const place of [path('missing/log'), directory, path('pipe')]) {
      const log = new NodeLog({ write: () => {} });
      expect(() => log.open(place))
        .to.throw(`cannot open the log file ${place}: `)
        .with.property('code', 'CONFIG_LOG_FILE');
    }
  });

  it('costs its lines and nothing else when the disk is full', () => {
    const log = opened('/dev/full');
    for (let line = 0; line < 1_000; line++) say(log, 'lost');
  });

  it('says how many lines were lost once there is room again, and only one line is torn', function () {
    if (process.getuid?.() !== 0) return this.skip();
    mkdirSync(path('disk'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path('disk')], { stdio: 'ignore' });
    } catch {
      return this.skip();
    }
    try {
      const log = opened(path('disk/log'));
      for (let line = 0; line < 100; line++) say(log, 'x'.repeat(1_000));
      const torn = readFileSync(path('disk/log'), 'utf8');
      execFileSync('mount', ['-o', 'remount,size=1m', path('disk')]);
      say(log, 'room');
      const text = readFileSync(path('disk/log'), 'utf8').slice(torn.length);
      const added = text.split('\n').filter((line) => line !== '');
      const [line, loss] = added.map((each) => JSON.parse(each) as Record<string, unknown>);
      expect(line).to.include({ msg: 'room' });
      const kept = torn.split('\n').filter((each) => each.endsWith('}')).length;
      expect(loss).to.include({ level: 'warn' });
      expect(loss!['msg']).to.match(new RegExp(`^${100 - kept} lines of this process were lost: `));
    } finally {
      execFileSync('umount', ['-l', path('disk')]);
    }
  });
});
