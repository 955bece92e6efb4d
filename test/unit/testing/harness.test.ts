import { noTasks } from '@shoal/core/internal/pipe/task-counters';
import { expect } from 'chai';
import type { RunningServer } from '@shoal/core/internal/kernel/running-server';
import type { ByteStream, Platform } from '@shoal/core/internal/platform/platform';
import { startSimulated, type SimulatedServer } from '@shoal/testing/internal/simulated-server';
import { events } from './programs.js';

interface Behaviour {
  /** Leaves its port and one process behind. */
  readonly untidy?: boolean;
  readonly exitCode?: number;
  readonly failsToStart?: boolean;
}

const stats = {
  connections: 1,
  acceptedConnections: 1,
  closedConnections: 0,
  acceptedPackets: 2,
  handledPackets: 2,
  redeliveredPackets: 0,
  failedDispatches: 0,
  outstandingPackets: 0,
  closedBy: {},
  refused: {},
  failedHandlers: 0,
  tasks: noTasks,
  ledger: { accepted: 0, handled: 0, redeliveredAndHandled: 0, refused: {}, outstanding: 0 },
};

/** A server small enough to be seen through: a master that answers lines, and one worker that does nothing but live. */
async function littleServer(platform: Platform, behaviour: Behaviour): Promise<RunningServer> {
  const { network, processes, self, log, clock } = platform;
  if (self.assignment !== undefined) {
    if (behaviour.untidy !== true) self.parent?.onDisconnect(() => self.exit(0));
    return new Promise(() => {});
  }
  if (behaviour.failsToStart === true) throw new Error('no room at the inn');
  const workers: RunningServer['workers'][number][] = [];
  const employ = (restarts: number): void => {
    const child = processes.spawn({ role: 'worker' }, 'worker 0');
    workers[0] = {
      workerId: 0,
      role: 'worker',
      pid: child.pid,
      incarnation: restarts,
      state: 'ready',
      restarts,
    };
    child.onExit(() => clock.setTimer(5, () => employ(restarts + 1)));
  };
  employ(0);
  const options = { host: '127.0.0.1', port: 0, backlog: 10, noDelay: true, reusePort: false };
  const listener = await network.listen(options, (stream) => serve(stream, platform));
  self.onSignal('SIGTERM', () => self.exit(behaviour.exitCode ?? 0));
  log.write({ level: 'info', role: 'master', message: 'ready' });
  return {
    listeners: [{ ...listener.endpoint, name: 'main' }],
    masterPid: self.pid,
    managerPid: self.pid,
    workers,
    stats: () => new Promise((resolve) => clock.setTimer(3, () => resolve(stats))),
    status: () => Promise.reject(new Error('it has no status')),
    reload: () => Promise.reject(new Error('it has no reload')),
    stop: () => Promise.reject(new Error('it has no workers')),
    shutdown: () => Promise.resolve(),
  };
}

/** Greets, then repeats what comes; `quit` closes, `leave` ends the process with 7. */
function serve(stream: ByteStream, { self }: Platform): void {
  stream.start(
    events({
      data: (chunk) => {
        const text = chunk.toString();
        if (text.includes('leave')) self.exit(7);
        if (text.includes('quit')) stream.end();
        else stream.write(chunk);
      },
      end: () => stream.end(),
    }),
  );
  stream.write(Buffer.from(`hello ${stream.remote.address}\r\n`));
}

function start(behaviour: Behaviour = {}): Promise<SimulatedServer> {
  const options = { seed: 5, fragmentation: 0, coalescing: 0 };
  return startSimulated(
    { main: (platform) => littleServer(platform, behaviour), threadMain: () => {} },
    options,
  );
}

async function reasonOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'it did not reject',
    (error: Error) => error.message,
  );
}

describe('Simulated server', () => {
  it('lets a client read lines, numbers of bytes, patterns and whatever comes', async () => {
    const server = await start();
    const client = await server.connect({ from: '10.0.0.7' });
    expect(await client.receiveLine()).to.equal('hello 10.0.0.7');
    client.send('one two three');
    expect((await client.receive(3)).toString()).to.equal('one');
    expect((await client.receive(/t\w+ /)).toString()).to.equal(' two ');
    expect((await client.receive()).toString()).to.equal('three');
    expect(client.received.toString()).to.equal('hello 10.0.0.7\r\none two three');
    await server.stop();
  });

  it('numbers its clients, and finds listeners by name and by index', async () => {
    const server = await start();
    const clients = [await server.connect({ listener: 'main' }), await server.connect({ listener: 0 })];
    expect(clients.map(({ id }) => id)).to.deep.equal([0, 1]);
    expect(await reasonOf(server.connect({ listener: 'other' }))).to.match(
      /no listener "other"; it has 0 \(main\)/,
    );
    await server.stop();
  });

  it('says what was expected and what has come when a receive is in vain', async () => {
    const server = await start();
    const client = await server.connect();
    const message = await reasonOf(client.receive(/never/));
    expect(message).to.match(
      /client 0 to see \/never\/ .*"hello 127\.0\.0\.1\\r\\n".*seed 5.*1000 master info: ready/s,
    );
    await server.stop();
  });

  it('rejects a receive as soon as the server has finished writing', async () => {
    const server = await start();
    const client = await server.connect();
    await client.receiveLine();
    client.send('quit');
    expect(await reasonOf(client.receive(1))).to.match(/client 0 to see 1 bytes .*the connection is ended/);
    expect(client.state).to.equal('ended');
    client.end();
    await client.closed();
    expect(client.state).to.equal('closed');
    await server.stop();
  });

  it('rejects a second receive while one is pending', async () => {
    const server = await start();
    const client = await server.connect();
    const first = client.receive(5);
    expect(await reasonOf(client.receive(5))).to.match(/receiving already/);
    expect((await first).toString()).to.equal('hello');
    await server.stop();
  });

  it('crashes a worker, and waits until it is ready again in another process', async () => {
    const server = await start();
    const [before] = server.running.workers;
    await server.crashWorker(0);
    expect(server.world.pids).not.to.include(before?.pid);
    await server.workersReady();
    const [after] = server.running.workers;
    expect(after?.restarts).to.equal(1);
    expect(after?.pid).not.to.equal(before?.pid);
    expect(await reasonOf(server.crashWorker(1))).to.match(
      /worker 1 has no process; the workers are 0 \(ready\)/,
    );
    await server.stop();
  });

  it('answers for its statistics, in virtual time', async () => {
    const server = await start();
    const before = server.world.time;
    expect(await server.stats()).to.deep.equal(stats);
    expect(server.world.time).to.equal(before + 3);
    await server.stop();
  });

  it('stops with the exit code of the master, once', async () => {
    const server = await start();
    expect([await server.stop(), await server.stop()]).to.deep.equal([{ exitCode: 0 }, { exitCode: 0 }]);
  });

  it('refuses a stop with another exit code than 0', async () => {
    const server = await start({ exitCode: 3 });
    expect(await reasonOf(server.stop())).to.match(/stopped with 3 \(seed 5\)/);
  });

  it('refuses a stop that leaves a process behind, and names it', async () => {
    const server = await start({ untidy: true });
    await server.advance(100);
    expect(await reasonOf(server.stop())).to.match(/nothing behind, but there is .*1001 worker 0/);
  });

  it('gives the exit code of a server that leaves on its own', async () => {
    const server = await start();
    const client = await server.connect();
    client.send('leave');
    expect(await server.exited()).to.deep.equal({ exitCode: 7 });
    expect(await server.stop()).to.deep.equal({ exitCode: 7 });
  });

  it('rejects with the reason when the server does not start', async () => {
    expect(await reasonOf(start({ failsToStart: true }))).to.equal('no room at the inn');
  });
});
