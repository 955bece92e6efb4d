import { expect } from 'chai';
import { disposePrograms, isFree, modes, Program } from './program.js';

describe('The processes of a server', () => {
  afterEach(disposePrograms);

  it('are workerNum + taskWorkerNum + 2, each with its title', async () => {
    const program = Program.app('blocks', 'BlocksApp');
    await program.ready();
    const titles = [...program.titles().values()].toSorted();
    expect(titles).to.deep.equal([
      'shoal blocks: manager',
      'shoal blocks: master',
      'shoal blocks: task worker 2',
      'shoal blocks: worker 0',
      'shoal blocks: worker 1',
    ]);
    const line = await program.logged(/need a restart of the server/);
    expect(line).to.include({ level: 'warn', workerId: 1 });
    expect(line.message).to.equal(
      'these settings have changed and need a restart of the server: listeners[0].backlog, maxWaitTime, backlog',
    );
    program.signal('SIGTERM');
    expect((await program.left()).code).to.equal(0);
  });

  const waysToStop: [string, (program: Program) => void][] = [
    ['SIGTERM', (program) => program.signal('SIGTERM')],
    ['SIGINT', (program) => program.signal('SIGINT')],
    ['SIGTERM to all processes at once', ({ pid }) => process.kill(-pid, 'SIGTERM')],
  ];
  for (const [name, settings] of Object.entries(modes)) {
    for (const [way, stop] of name === 'process' ? waysToStop : waysToStop.slice(2, 3)) {
      it(`leave with 0 on ${way}, and nothing behind (${name} mode)`, async () => {
        const program = await ready(settings);
        const client = await program.connect();
        client.send('pid');
        await program.until(() => client.received.length > 0, 'an answer');
        const port = program.port('lines');
        stop(program);
        expect(await program.left()).to.deep.equal({ code: 0, signal: null });
        await program.until(() => client.closed, 'the client to be closed');
        expect(program.logs.filter(({ message }) => message === 'the last hook')).to.have.length(1);
        expect(program.logs.filter(({ level }) => level === 'error')).to.deep.equal([]);
        expect(program.stderr).to.equal('');
        expect(await isFree(port)).to.equal(true);
        expect(program.files()).to.deep.equal([]);
      });
    }
  }

  it('leave at once on a second SIGTERM, whatever handlers run', async () => {
    const program = await ready();
    const client = await program.connect();
    client.send('hold');
    await program.logged('holding');
    program.signal('SIGTERM');
    await program.logged('stopping');
    const begun = performance.now();
    await program.hurry();
    expect(await program.left()).to.deep.equal({ code: 0, signal: null });
    // The handler would have had maxWaitTime, 10 s.
    expect(performance.now() - begun).to.be.lessThan(9_000);
    await program.until(() => client.closed, 'the client to be closed');
    expect(program.files()).to.deep.equal([]);
  });

  it('leave with 0 on SIGTERM that comes before they are ready', async () => {
    const program = Program.app('cannot-boot', 'NeverStartsApp', { bootTimeout: 30_000, logLevel: 'debug' });
    await program.logged(/^started worker 0/);
    program.signal('SIGTERM');
    expect(await program.left()).to.deep.equal({ code: 0, signal: null });
    expect(program.files()).to.deep.equal([]);
  });

  it('end within maxWaitTime, and the straggler is named, when a handler never settles', async () => {
    const program = await ready({ maxWaitTime: 1_000 });
    const client = await program.connect();
    client.send('hold');
    await program.logged('holding');
    const begun = performance.now();
    program.signal('SIGTERM');
    expect(await program.left()).to.deep.equal({ code: 0, signal: null });
    // By default it would be 10 s.
    expect(performance.now() - begun).to.be.within(900, 9_000);
    expect(program.logs.map(({ message }) => message)).to.include(
      'Blocks.line had not settled when its process had to leave',
    );
    expect(program.files()).to.deep.equal([]);
  });

  for (const blocked of [false, true]) {
    const how = blocked ? ', although a worker is blocked in an endless loop' : '';
    it(`end when the master is killed, and leave no file${how}`, async () => {
      const program = await ready();
      const client = await program.connect();
      if (blocked) {
        client.send('loop');
        await program.logged('looping');
      }
      const port = program.port('lines');
      program.signal('SIGKILL');
      expect(await program.left()).to.deep.equal({ code: null, signal: 'SIGKILL' });
      expect(await isFree(port)).to.equal(true);
      expect(program.files()).to.deep.equal([]);
    });
  }

  it('are replaced when the manager is killed, a worker that is blocked in an endless loop too', async () => {
    const program = await ready();
    const client = await program.connect();
    client.send('loop');
    const { pid: blocked, workerId } = await program.logged('looping');
    const manager = program.pidOf('manager');
    // Before the kill: the next manager may be there within milliseconds.
    const before = new Set(program.titles().keys());
    before.delete(program.pid);
    process.kill(manager, 'SIGKILL');
    await program.until(() => {
      const pids = [...program.titles().keys()];
      return pids.length === 3 && pids.filter((pid) => before.has(pid)).length === 0;
    }, 'three processes, all but the master new');
    expect(program.group.members()).to.not.include(blocked);
    expect(client.closed).to.equal(false);
    expect(workerId).to.equal(0);
    program.group.kill();
  });

  it('are watched: a worker blocked longer than workerTimeout is killed, named and replaced', async () => {
    const program = await ready({ workerTimeout: 1_000 });
    const client = await program.connect();
    const begun = performance.now();
    client.send('loop');
    const { pid } = await program.logged('looping');
    const line = await program.logged(/^worker 0 ended: /);
    // By default it would be 30 s.
    expect(performance.now() - begun).to.be.within(1_000, 20_000);
    expect(line).to.include({ level: 'error', role: 'manager' });
    expect(line.message).to.match(
      /^worker 0 ended: its event loop was blocked for \d+ ms, workerTimeout is 1000 ms$/,
    );
    expect(line.fields).to.deep.include({ signal: 'SIGKILL' });
    await program.until(() => [...program.titles()].some(([each, title]) => each !== pid && title.endsWith('worker 0')), 'another worker'); // prettier-ignore
    expect(client.closed).to.equal(false);
  });
});

async function ready(settings: object = {}): Promise<Program> {
  const program = Program.app('blocks', 'BlocksApp', { ...modes.process, ...settings });
  await program.ready();
  return program;
}
