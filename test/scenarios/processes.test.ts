import { expect } from 'chai';
import { tcp, type ProcessStatus } from '@shoal/core';
import { simulate, type TestClient, type TestServer } from '@shoal/testing';
import {
  BrokenPollerApp,
  CrookedApp,
  IdleApp,
  ProcessesApp,
  SingleProcessApp,
} from '../fixtures/apps/processes.js';
import { ask, errorOf, eventually, linesLogged, linesOf, logged } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds } from './in-worlds.js';

/** Its id follows those of two workers and a task worker. */
const POLLER = 3;

describe('A class with @Process', () => {
  for (const mode of ['process', 'base'] as const) {
    (mode === 'process' ? inWorlds : inSimulationFirst)(
      `is built in a process of its own, which runs its hooks, its ticks and run() (${mode} mode)`,
      ProcessesApp,
      async (server) => {
        const { pid } = worker(server, POLLER);
        const made = await linesLogged(server, 'tally made', 1);
        expect(made.map((line) => line.pid)).to.deep.equal([pid]);
        const starts = await linesLogged(server, 'poller starts', 1);
        expect(starts.map(({ fields }) => fields)).to.deep.equal([{ id: POLLER, as: 'userProcess' }]);
        await eventually(server, 'run()', () => linesOf(server, 'poller runs').length === 1);
        const client = await server.connect();
        await eventually(
          server,
          'its ticks',
          async () => Number(await answer(client, 'count', 'poller')) >= 2,
        );
        const status = (await answer(client, 'status', POLLER)) as ProcessStatus;
        expect(status).to.deep.include({ role: 'userProcess', name: 'poller', pid, restarts: 0 });
        await server.stop();
        const order = server
          .logs()
          .filter(({ message }) => /^(poller (must|stops)|tally disposed)/.test(message));
        expect(order.map(({ message }) => message)).to.deep.equal([
          'poller must leave',
          'poller stops',
          'tally disposed',
        ]);
        expect(linesOf(server, 'ended by an uncaught exception')).to.deep.equal([]);
        const left = linesOf(server, 'leaves').map(({ fields }) => fields);
        expect(left).to.deep.equal(Array.from({ length: 3 }, () => ({ count: 'number' })));
      },
      { settings: { mode } },
    );

    (mode === 'process' ? inWorlds : inSimulationFirst)(
      `is replaced when it dies, is blocked or is to leave, and never twice there (${mode} mode)`,
      ProcessesApp,
      async (server) => {
        const client = await server.connect();
        const ended = async (how: string, end: () => Promise<unknown>): Promise<ProcessStatus> => {
          const before = (await statusOf(server, 'poller')).pid;
          await end();
          await eventually(server, how, async () => {
            const { pid, state } = await statusOf(server, 'poller');
            return pid !== before && state === 'ready';
          });
          await server.workersReady();
          return (await answer(client, 'status', POLLER)) as ProcessStatus;
        };
        const failed = await ended('a loss', async () => answer(client, 'fail', 'poller', 'the poll failed'));
        expect(failed).to.deep.include({ restarts: 1, state: 'ready' });
        expect(failed.lastCrash?.reason).to.equal('Error: the poll failed');
        const line = await logged(server, 'ended by an uncaught exception');
        expect(errorOf(line)).to.have.property('message', 'the poll failed');
        expect(errorOf(line).stack).to.match(/Poller\.fail/);
        const crashed = await ended('a crash', async () => server.crashWorker(POLLER));
        expect(crashed).to.deep.include({ restarts: 2 });
        expect(crashed.lastCrash?.reason).to.equal('ended by SIGKILL');
        const stopped = await ended('a stop', async () => answer(client, 'stop', POLLER));
        expect(stopped).to.deep.include({ restarts: 2, name: 'poller' });
        expect(await ended('its own wish', async () => answer(client, 'leave', 'poller'))).to.deep.include({
          restarts: 2,
        });
        const all = await linesLogged(server, /^poller (runs|stops)$/, 7);
        expect(all.map(({ message }) => message.slice(7)).join(' ')).to.equal(
          'runs runs runs stops runs stops runs',
        );
      },
      { settings: { mode } },
    );
  }

  inSimulation(
    'is killed when its event loop is blocked for longer than workerTimeout',
    ProcessesApp,
    async (server) => {
      const before = worker(server, POLLER).pid;
      await server.hangWorker(POLLER);
      await server.advance(3_000);
      await server.workersReady();
      expect(worker(server, POLLER).pid).not.to.equal(before);
      expect((await statusOf(server, 'poller')).lastCrash?.reason).to.match(
        /^its event loop was blocked for \d+ ms, workerTimeout is 1000 ms$/,
      );
    },
    { settings: { workerTimeout: 1_000 } },
  );

  inSimulation(
    'is tried again for ever when it cannot come back, and the rest of the server serves on',
    ProcessesApp,
    async (server) => {
      const client = await server.connect();
      await server.deploy(BrokenPollerApp);
      await server.crashWorker(POLLER);
      await server.advance(20_000);
      expect(
        linesOf(server, /^process poller could not boot 2 times in a row; others serve on/),
      ).to.have.lengthOf.at.least(2);
      expect(await answer(client, 'count', 'poller')).to.deep.include({
        code: 'ASK_LOST',
        message: 'process poller does not serve yet, or is being replaced: ask again',
      });
      expect(await answer(client, 'who', 1)).to.deep.equal(['worker', 1]);
      await server.deploy(ProcessesApp);
      await server.advance(10_000);
      expect(await answer(client, 'count', 'poller')).to.be.a('number');
    },
    { settings: { maxBootFailures: 2 }, seeds: 3 },
  );

  it('may have its body in a module, loaded in a simulation too', async () => {
    const url = new URL('../fixtures/sidecars/counts.js', import.meta.url).href;
    const server = await simulate({
      name: 'sidecars',
      settings: { listeners: [tcp({ port: 0 })], workerNum: 1 },
      handlers: [{ event: 'receive', label: 'line', target: { kind: 'function', run: () => {} } }],
      timers: [],
      processes: [{ name: 'sidecar', body: { kind: 'module', url } }],
    });
    const { processes } = await server.status();
    expect(processes.find(({ name }) => name === 'sidecar')).to.deep.include({ state: 'ready', workerId: 1 });
    await eventually(server, 'its body', () =>
      server.trace.some((event) => (event as { handler?: string }).handler === 'process sidecar'),
    );
    await server.stop();
  });

  inSimulationFirst('is not touched by a reload', ProcessesApp, async (server) => {
    const before = worker(server, POLLER).pid;
    const report = await server.reload();
    expect({ ...report, replaced: [...report.replaced].sort((a, b) => a - b) }).to.deep.include({
      outcome: 'done',
      replaced: [0, 1, 2],
      needRestart: [],
    });
    expect(worker(server, POLLER).pid).to.equal(before);
  });

  inSimulation('lives on when its run() returns', IdleApp, async (server) => {
    await eventually(server, 'its run', () => linesOf(server, 'idle has run').length === 1);
    const client = await server.connect();
    await server.advance(300);
    expect(await answer(client, 'status', 3)).to.deep.include({ state: 'ready', restarts: 0, name: 'idle' });
    expect(await answer(client, 'who', 'idle')).to.deep.include({
      code: 'COMMAND_UNKNOWN',
      message: "there is no command 'who' there; there is none",
    });
  });

  it('ends the start of a server with its first stack when it cannot boot', async () => {
    for (const mode of ['process', 'base'] as const) {
      const error = (await simulate(CrookedApp, { settings: { mode } }).then(
        () => undefined,
        (failure: Error) => failure,
      )) as Error & { cause?: Error };
      expect(error.message).to.include(
        'process crooked could not boot 2 times in a row: Error: the first stack',
      );
    }
  });
});

describe('A command', () => {
  for (const mode of ['process', 'base'] as const) {
    (mode === 'process' ? inWorlds : inSimulationFirst)(
      `is answered by each process from each other (${mode} mode)`,
      ProcessesApp,
      async (server) => {
        const client = await server.connect();
        const answers: [string | number, unknown][] = [
          [0, ['worker', 0]],
          [1, ['worker', 1]],
          [2, ['taskWorker', 2]],
          ['master', ['master', true]],
          ['manager', ['manager', true]],
        ];
        for (const [target, expected] of answers) {
          expect(await answer(client, 'who', target), `who ${target}`).to.deep.equal(expected);
          for (const asker of ['poller', 'master', 'manager']) {
            expect(await answer(client, 'ask', asker, target), `${asker} asks ${target}`).to.deep.equal(
              expected,
            );
          }
        }
        expect(await answer(client, 'count', POLLER)).to.be.a('number');
      },
      { settings: { mode } },
    );
  }

  inSimulation('builds a class only where it is asked', ProcessesApp, async (server) => {
    const pids = linesOf(server, 'answers of the master made').map(({ pid }) => pid);
    expect(pids).to.deep.equal([server.running.masterPid]);
  });

  inSimulationFirst('works in a server of one process', SingleProcessApp, async (server) => {
    const client = await server.connect();
    expect(await answer(client, 'who', 0)).to.deep.equal(['worker', 0]);
    expect(await answer(client, 'who', 'master')).to.deep.equal(['master', true]);
    expect(await answer(client, 'who', 'manager')).to.deep.equal(['manager', true]);
    expect(await answer(client, 'who', 1)).to.deep.include({ code: 'NO_SUCH_PROCESS' });
  });

  inSimulationFirst(
    'carries what structured clone does, up to a bound, and what a handler throws',
    ProcessesApp,
    async (server) => {
      const client = await server.connect();
      expect(await answer(client, 'types', 1)).to.deep.equal([
        [true, true, true],
        5,
        '5',
        5,
        ['when', 'map', 'bytes', 'nothing', 'kinds'],
      ]);
      expect(await answer(client, 'echo', 1)).to.equal(null);
      const bound = 1_048_576 - 1;
      expect(await answer(client, 'send', 1, bound)).to.equal(bound);
      expect(await answer(client, 'send', 1, bound + 1)).to.deep.include({
        code: 'COMMAND_TOO_LONG',
        message:
          "the data of command 'echo' has 1048577 bytes, and may have 1048576: send a reference, or several commands",
      });
      expect(await answer(client, 'fills', 1, bound + 1)).to.deep.include({ code: 'COMMAND_TOO_LONG' });
      expect(await answer(client, 'function', 1)).to.deep.include({ code: 'COMMAND_INVALID' });
      expect(await answer(client, 'throw', 1, 'it does not')).to.deep.equal({
        name: 'TypeError',
        message: 'it does not',
        code: 'E_OWN',
        cause: 'EHOSTUNREACH',
        stack: true,
      });
      const failure = await logged(server, 'Answers.throw failed in command');
      expect(failure).to.deep.include({ level: 'error', workerId: 1 });
      expect((await server.stats()).failedHandlers).to.equal(1);
    },
  );

  inSimulationFirst('fails with a reason when nobody answers', ProcessesApp, async (server) => {
    const client = await server.connect();
    expect(await answer(client, 'nonsense', 1)).to.deep.include({
      code: 'COMMAND_UNKNOWN',
      message:
        "there is no command 'nonsense' there; there are 'who', 'echo', 'types', 'fills', 'throw', 'function', 'later'",
    });
    expect(await answer(client, 'count', 'stranger')).to.deep.include({
      code: 'NO_SUCH_PROCESS',
      message: `there is no process "stranger"; there are 0 to 3, 'poller', 'master', 'manager'`,
    });
    for (const target of [4, -1, 0.5])
      expect(await answer(client, 'who', target)).to.deep.include({ code: 'NO_SUCH_PROCESS' });
    expect(await answer(client, 'later', 1, 30)).to.equal('later');
    expect(await answer(client, 'later', 1, 60_000, 100)).to.deep.include({
      code: 'ASK_TIMEOUT',
      message: "process 1 has not answered command 'later' within 100 ms",
    });
    for (const timeout of [0, 86_400_001])
      expect(await answer(client, 'who', 1, null, timeout)).to.deep.include({ code: 'COMMAND_INVALID' });
    const asked = answer(client, 'later', 2, 60_000, 60_000);
    await server.advance(200);
    await server.crashWorker(2);
    expect(await asked).to.deep.include({ code: 'ASK_LOST' });
  });

  inSimulation(
    'is refused while 1024 of the same process wait for their answers',
    ProcessesApp,
    async (server) => {
      const client = await server.connect();
      for (const [asked, answered] of [
        [1_024, 1_024],
        [1_025, 1_024],
        [1_024, 1_024],
      ])
        expect(await answer(client, 'flood', 1, asked)).to.equal(answered);
    },
    { seeds: 1 },
  );

  inSimulation('is finished before its process leaves', ProcessesApp, async (server) => {
    const client = await server.connect();
    const asked = answer(client, 'later', 2, 300);
    await server.advance(100);
    const stopped = server.stopWorker(2);
    expect(await asked).to.equal('later');
    await stopped;
  });
});

async function statusOf(server: TestServer, process: string): Promise<ProcessStatus> {
  return (await server.status()).processes.find(({ name }) => name === process)!;
}

function worker(server: TestServer, workerId: number): TestServer['running']['workers'][number] {
  return server.running.workers.find((each) => each.workerId === workerId)!;
}

async function answer(client: TestClient, ...command: readonly unknown[]): Promise<unknown> {
  return JSON.parse(await ask(client, JSON.stringify(command))) as unknown;
}
