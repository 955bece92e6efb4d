import { expect } from 'chai';
import { disposePrograms, Program } from './program.js';

const WORKER_TIMEOUT_MS = 1_000;

describe('A worker whose event loop is blocked', () => {
  afterEach(disposePrograms);

  it('is killed after workerTimeout, with the stack of its loop in the log, and replaced, while others serve on', async () => {
    const program = await watched({ workerNum: 2 });
    // Dispatch is fixed: two connections in a row have two workers.
    const [stuck, free] = [await program.connect(), await program.connect()];
    stuck.send('loop');
    const { pid, workerId } = await program.logged('looping');
    free.send('pid');
    await program.until(() => free.received.includes('\n'), 'an answer of the other worker');
    expect(Number(free.received)).to.not.equal(pid);
    const title = `worker ${workerId}`;
    await program.until(
      () => [...program.titles()].some(([each, text]) => each !== pid && text.endsWith(title)),
      'another worker in its place',
    );
    const line = await program.logged(new RegExp(`^${title} ended: its event loop was blocked`));
    const [, blocked] = /blocked for (\d+) ms/.exec(line.message)!;
    // How much more it is at most, the simulation shows: here the machine may pause.
    expect(Number(blocked)).to.be.at.least(WORKER_TIMEOUT_MS);
    expect(line).to.include({ level: 'error', role: 'manager' });
    expect(line.fields?.['stack']).to.match(/^blocked for \d+ ms, at that time in\n    at loopForEver \(file:.*blocks\.js:\d+:\d+\)\n    at line \(/); // prettier-ignore
    expect(stuck.closed).to.equal(false);
    expect(stackFiles(program)).to.deep.equal([]);
  });

  it('is killed without a stack when it does not come back to JavaScript, and the line says so', async () => {
    const program = await watched({ workerNum: 1 });
    (await program.connect()).send('native');
    await program.logged('deriving');
    const line = await program.logged(/^worker 0 ended: its event loop was blocked/);
    expect(line.fields?.['stack']).to.match(/^no stack could be had/);
  });

  it('is left alone, with no file, when it goes on in time', async () => {
    // Its stack is asked for after half of maxWaitTime; it is killed much later, so that the machine may pause.
    const program = await watched({ workerNum: 1, workerTimeout: 30_000, maxWaitTime: 1_000 });
    const client = await program.connect();
    const { pid } = await pidOf(program);
    client.send('busy 740');
    await program.until(() => client.received.includes('busy no more'), 'an answer');
    await program.until(() => stackFiles(program).length === 0, 'no file to be left');
    expect((await pidOf(program)).pid).to.equal(pid);
    expect(program.logs.filter(({ level }) => level === 'error')).to.deep.equal([]);
    program.signal('SIGTERM');
    expect(await program.left()).to.deep.equal({ code: 0, signal: null });
    expect(program.stderr).to.equal('');
  });

  it('leaves its stack also when it is killed because it had not stopped in time', async () => {
    const program = await watched({ workerNum: 1, workerTimeout: 30_000, maxWaitTime: 1_000 });
    (await program.connect()).send('loop');
    await program.logged('looping');
    program.signal('SIGTERM');
    const line = await program.logged(/^worker 0 ended: it had not stopped in time/);
    expect(line.fields?.['stack']).to.match(/loopForEver/);
    expect((await program.left()).code).to.equal(0);
    expect(program.files()).to.deep.equal([]);
  });

  it('is nobody after a pause of all processes that lasts longer than workerTimeout', async () => {
    const program = await watched({ workerNum: 2 });
    const before = [...program.titles().keys()].toSorted((a, b) => a - b);
    process.kill(-program.pid, 'SIGSTOP');
    const end = performance.now() + 2 * WORKER_TIMEOUT_MS;
    await program.until(() => performance.now() > end, 'the pause to be long enough');
    process.kill(-program.pid, 'SIGCONT');
    const watchedUntil = performance.now() + 2 * WORKER_TIMEOUT_MS;
    await program.until(() => performance.now() > watchedUntil, 'the manager to have looked at everybody');
    expect([...program.titles().keys()].toSorted((a, b) => a - b)).to.deep.equal(before);
    expect(program.logs.filter(({ level }) => level === 'error')).to.deep.equal([]);
    expect(stackFiles(program)).to.deep.equal([]);
  });
});

async function watched(settings: object): Promise<Program> {
  const program = Program.app('blocks', 'BlocksApp', {
    workerTimeout: WORKER_TIMEOUT_MS,
    taskWorkerNum: 0,
    ...settings,
  });
  await program.ready();
  return program;
}

async function pidOf(program: Program): Promise<{ pid: number }> {
  const client = await program.connect();
  client.send('pid');
  await program.until(() => client.received.includes('\n'), 'a pid');
  return { pid: Number(client.received.trim()) };
}

function stackFiles(program: Program): readonly string[] {
  return program.files().filter((file) => file.includes('.stack'));
}
