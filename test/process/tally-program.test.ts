import { expect } from 'chai';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PROGRAM = fileURLToPath(new URL('../../../apps/demo/dist/main.js', import.meta.url));
const PATIENCE = 15_000;

/** Starts the program as `npm start` does, in a process group of its own. Port 0 is a free one. */
function start(directory: string, environment: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, [PROGRAM], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      TALLY_INGEST_PORT: '0',
      TALLY_ADMIN_PORT: '0',
      TALLY_PAGE_PORT: '0',
      TMPDIR: directory,
      XDG_RUNTIME_DIR: directory,
      TALLY_DATA: join(directory, 'data'),
      ...environment,
    },
  });
}

/** What the program has said when the pattern is there. */
async function said(program: ChildProcess, pattern: RegExp): Promise<string> {
  const signal = AbortSignal.timeout(PATIENCE);
  let output = '';
  program.stderr!.on('data', (chunk: Buffer) => (output += String(chunk)));
  program.stdout!.on('data', (chunk: Buffer) => (output += String(chunk)));
  while (!pattern.test(output)) {
    await Promise.race([once(program.stdout!, 'data', { signal }), once(program, 'exit', { signal })]).catch(
      () => {
        throw new Error(`expected the program to say ${pattern}, but it said: ${output}`);
      },
    );
    if (program.exitCode !== null && !pattern.test(output)) {
      throw new Error(`the program left with ${program.exitCode} and said: ${output}`);
    }
  }
  return output;
}

/** Does what `printf … | nc 127.0.0.1 port` does. */
async function netcat(input: string, port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  socket.end(input);
  return text(socket);
}

function kill(program: ChildProcess): void {
  try {
    process.kill(-program.pid!, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}

/** The group is gone with its last process, which the system may remove a moment later. */
async function groupGone(pid: number): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  for (;;) {
    try {
      process.kill(-pid, 0);
    } catch (error) {
      expect(error).to.include({ code: 'ESRCH' });
      return;
    }
    expect(performance.now(), 'processes are left').to.be.lessThan(deadline);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('The Tally program', function () {
  this.timeout(3 * PATIENCE);
  let directory: string;
  let program: ChildProcess;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tally-'));
  });

  afterEach(async () => {
    kill(program);
    await rm(directory, { recursive: true, force: true });
  });

  it('says what to type, does it, and at Ctrl-C leaves with 0 and nothing behind but its data', async () => {
    program = start(directory);
    const exited = once(program, 'exit', { signal: AbortSignal.timeout(2 * PATIENCE) });
    const output = await said(program, /Ctrl-C stops it/);
    const [ingest, admin] = [...output.matchAll(/nc 127\.0\.0\.1 (\d+)/g)].map(([, port]) => Number(port));
    expect(output).to.include(`printf 'hits:1|c\\n' | nc 127.0.0.1 ${ingest}`);
    expect(output).to.include(`echo counters | nc 127.0.0.1 ${admin}`);

    expect(await netcat('hits:1|c\n', ingest!)).to.equal('');
    expect(await netcat('counters\n', admin!)).to.match(/^\{.*"hits":1\}\nEND\n\n$/);

    const [send, show] = [...output.matchAll(/^ {2}bash -c "(.*)"$/gm)].map(([, script]) => script!);
    const bash = (script: string) => promisify(execFile)('bash', ['-c', script], { timeout: PATIENCE });
    await bash(send!);
    expect((await bash(show!)).stdout).to.match(/^\{.*"hits":2\}\nEND\n\n$/);

    // As a terminal does, to all of its processes.
    process.kill(-program.pid!, 'SIGINT');
    expect(await exited).to.deep.equal([0, null]);
    await groupGone(program.pid!);
    expect(await readdir(directory)).to.deep.equal(['data']);
    expect(await readdir(join(directory, 'data'))).to.deep.equal(['queue', 'rollups.ndjson']);
    const refused = await netcat('', admin!).catch((error: NodeJS.ErrnoException) => error.code);
    expect(refused).to.equal('ECONNREFUSED');
  });

  it('has its totals again after all of it was killed', async () => {
    for (const hits of [1, 2]) {
      program = start(directory);
      const output = await said(program, /Ctrl-C stops it/);
      const [ingest, admin] = [...output.matchAll(/nc 127\.0\.0\.1 (\d+)/g)].map(([, port]) => Number(port));
      await netcat('hits:1|c\n', ingest!);
      expect(await netcat('counters\n', admin!)).to.include(`"hits":${hits}}`);
      kill(program);
      await once(program, 'close', { signal: AbortSignal.timeout(PATIENCE) });
    }
  });

  it('refuses to start beside another one, with the reason', async () => {
    program = start(directory);
    const [ingest] = await said(program, /Ctrl-C stops it/).then((output) =>
      /[0-9]+(?=\n {2}echo)/.exec(output)!,
    );
    const second = start(directory, { TALLY_INGEST_PORT: ingest, TALLY_DATA: join(directory, 'other') });
    const [[left], output] = await Promise.all([once(second, 'exit'), text(second.stderr!)]);
    expect(left).to.equal(72);
    expect(output).to.include(`cannot listen on 0.0.0.0:${ingest}: listen EADDRINUSE`);
    expect(await netcat('hits:1|c\n', Number(ingest))).to.equal('');
  });

  it('refuses a port that is none with exit code 78, and names it', async () => {
    program = start(directory, { TALLY_ADMIN_PORT: 'http' });
    const [[code], output] = await Promise.all([once(program, 'exit'), text(program.stderr!)]);
    expect(code).to.equal(78);
    expect(output).to.include('listeners[1].port: NaN is not an integer');
    expect(await readdir(directory)).to.deep.equal([]);
  });
});
