import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import {
  explore,
  simulate,
  ExplorationError,
  type ExploreOptions,
  type Fault,
  type FaultOptions,
  type SimulatedServer,
} from '@shoal/testing';
import {
  AnswersBeforeStoringApp,
  ForgetsNamesApp,
  NeverSettlesApp,
  SellsTwiceApp,
} from '../../fixtures/apps/buggy.js';
import { AsyncEchoApp, StoryApp, SyncEchoApp } from '../../fixtures/apps/echo.js';
import { ThrowsInWorkerStartApp } from '../../fixtures/apps/cannot-boot.js';
import { JobsApp } from '../../fixtures/apps/jobs.js';
import { GateApp } from '../../fixtures/apps/gate.js';

type Scenario = (server: SimulatedServer) => Promise<void>;

const baseMode = { mode: 'base', workerNum: 2, taskWorkerNum: 0 } as const;

async function findingOf(exploring: Promise<unknown>): Promise<ExplorationError> {
  const outcome = await exploring.then(
    () => new Error('the exploration found nothing'),
    (error: Error) => error,
  );
  if (outcome instanceof ExplorationError) return outcome;
  throw outcome;
}

/** What the scenario throws under the faults of a finding, as somebody sees who keeps it as a test. */
async function keep(
  App: Parameters<typeof simulate>[0],
  scenario: Scenario,
  seed: number,
  faults: readonly Fault[],
): Promise<string> {
  const server = await simulate(App, { seed, faults });
  try {
    await scenario(server);
    return 'nothing';
  } catch (error) {
    return (error as Error).message;
  } finally {
    await server.stop();
  }
}

/** The faults in the last line of a finding, as code. */
function faultsToKeep(message: string): readonly Fault[] {
  const code = /^to keep it: .* faults: (\[.*\]) \} \}\)$/m.exec(message)?.[1];
  return JSON.parse(JSON.stringify(runInNewContext(code ?? 'undefined'))) as readonly Fault[];
}

/** Three clients send lines in pairs and get each back. */
const echoes: Scenario = async (server) => {
  const clients = await Promise.all([0, 1, 2].map(() => server.connect()));
  for (let i = 0; i < 5; i++) {
    for (const client of clients) client.send(`${client.id}-${2 * i}\n${client.id}-${2 * i + 1}\n`);
    await server.advance(7);
  }
  for (const client of clients)
    for (let i = 0; i < 10; i++) {
      const line = await client.receiveLine();
      if (line !== `${client.id}-${i}`) throw new Error(`client ${client.id} got ${line} for ${i}`);
    }
  clients[0]!.end();
  await clients[0]!.closed();
};

const sums: Scenario = async (server) => {
  const client = await server.connect();
  let total = 0;
  for (let number = 1; number <= 8; number++) {
    client.send(`${number}\n`);
    total += number;
    const line = await client.receiveLine();
    if (line !== `total ${total}`) throw new Error(`got ${line} for ${total}`);
    await server.advance(2);
  }
};

/** Nobody is silent for long, and whoever is has a name. */
const beats: Scenario = async (server) => {
  const clients = await Promise.all([0, 1, 2].map(() => server.connect()));
  for (let i = 0; i < 20; i++) {
    for (const client of clients) client.send(`${i}\n`);
    await server.advance(10);
  }
  await server.advance(60);
  for (const client of clients)
    if (client.received.includes('undefined')) throw new Error(`client ${client.id} has no name`);
};

const books: Scenario = async (server) => {
  const first = await server.connect();
  const second = await server.connect();
  first.send('book\n');
  await server.advance(1.75);
  second.send('book\n');
  const answers = `${await first.receiveLine()}, ${await second.receiveLine()}`;
  if (answers !== 'a seat, sold out') throw new Error(`the answers are ${answers}`);
};

const onlyResets = {
  crashes: 0,
  managerCrashes: 0,
  hangs: 0,
  slowPipes: 0,
  shapes: 0,
  stalls: 0,
  resets: 1,
} satisfies FaultOptions;

const nothing: Scenario = async () => {};

describe('explore', () => {
  const given = process.env['SEED'];
  beforeEach(() => delete process.env['SEED']);
  after(() => {
    delete process.env['SEED'];
    if (given !== undefined) process.env['SEED'] = given;
  });

  describe('with an application that has a mistake', () => {
    it('finds an update that a crash loses, and names that crash', async () => {
      const found = await findingOf(explore(AnswersBeforeStoringApp, sums, { runs: 200 }));
      expect(found.kind).to.equal('scenario');
      expect(found.faults.length).to.be.within(1, 3);
      expect(found.faults.map(({ kind }) => kind)).to.include('crashWorker');
      expect(found.cause)
        .to.be.an('error')
        .with.property('message')
        .that.matches(/^got total \d+ for \d+$/);
      expect(found.run).to.be.within(1, 200);
      expect(found.trace.filter(({ kind }) => kind === 'fault').length).to.equal(found.faults.length);
    });

    it('finds what needs two faults of many, and names those', async () => {
      const found = await findingOf(explore(ForgetsNamesApp, beats, { runs: 300 }));
      expect(found.kind).to.equal('scenario');
      expect(found.faults.length).to.be.within(2, 3);
      expect(found.faults.map(({ kind }) => kind)).to.include('crashWorker');
      expect(found.message).to.match(/^ {2}\d of \d+ faults matter \(\d+ more runs\):$/m);
    });

    it('finds what needs another order of events and no fault', async () => {
      const found = await findingOf(explore(SellsTwiceApp, books, { runs: 300, faults: false }));
      expect(found.run).to.be.above(0);
      expect(found.faults).to.deep.equal([]);
      expect(found.message).to.include('the answers are a seat, a seat\n  without any fault\n');
    });

    it('says when faults were there and none matters', async () => {
      const failing: Scenario = async ({ world }) => {
        if (world.seed !== 0) throw new Error('it always fails');
      };
      const found = await findingOf(explore(SyncEchoApp, failing));
      expect(found).to.deep.include({ run: 1, faults: [] });
      expect(found.message).to.match(/^ {2}none of the \d+ faults matters \(\d more runs\)$/m);
    });

    for (const [title, App, scenario, faults] of [
      ['a crash', AnswersBeforeStoringApp, sums, {}],
      ['a crash when something has been sent', AnswersBeforeStoringApp, sums, { crashes: 1 }],
      ['two faults', ForgetsNamesApp, beats, {}],
      ['no fault', SellsTwiceApp, books, false],
    ] as const) {
      it(`gives a seed and faults with which simulate() does the same (${title})`, async () => {
        const found = await findingOf(explore(App, scenario, { runs: 300, faults }));
        const kept = await keep(App, scenario, found.seed, found.faults);
        expect(kept).to.equal((found.cause as Error).message);
        expect(faultsToKeep(found.message)).to.deep.equal(found.faults);
      });
    }

    it('gives the same finding every time, and again with the seed alone', async () => {
      const first = await findingOf(explore(AnswersBeforeStoringApp, sums));
      const second = await findingOf(explore(AnswersBeforeStoringApp, sums));
      expect(second.message).to.equal(first.message);
      expect(second.trace).to.deep.equal(first.trace);
      process.env['SEED'] = String(first.seed);
      const replayed = await findingOf(explore(AnswersBeforeStoringApp, sums, { runs: 1 }));
      expect(replayed.kind).to.equal(first.kind);
      expect(replayed.faults).to.deep.equal(first.faults);
      expect(replayed.trace).to.deep.equal(first.trace);
    });

    it('has everything in its message', async () => {
      const { message, seed, run, faults } = await findingOf(
        explore(AnswersBeforeStoringApp, sums, { runs: 200 }),
      );
      const lines = message.split('\n');
      expect(lines[0]).to.equal(`AnswersBeforeStoringApp failed in run ${run} of 200, seed ${seed}`);
      expect(lines[1]).to.match(/^ {2}scenario: got total \d+ for \d+$/);
      expect(lines[2]).to.match(/^ {2}\d of \d+ faults matters? \(\d+ more runs\):$/);
      const trace = 3 + faults.length;
      expect(lines.slice(3, trace).join('\n')).to.match(/^ {4}worker 0 dies .*, from \d+(\.\d+)? ms on$/m);
      expect(lines[trace]).to.match(/^the trace, 30 of \d+ events:$/);
      expect(
        lines.slice(trace + 1, trace + 31).every((line) => /^ +\d+\.\d{3} [a-z]+( \d)?: /.test(line)),
      ).to.equal(true);
      expect(message).to.match(/^ +\d+\.\d{3} test: fault: worker 0 dies /m);
      expect(lines.at(-2)).to.equal(`to replay it:  SEED=${seed} and the command of this test`);
      expect(lines.at(-1)).to.match(
        new RegExp(
          `^to keep it:    explore\\(AnswersBeforeStoringApp, …, \\{ replay: \\{ seed: ${seed}, faults: \\[`,
        ),
      );
    });
  });

  describe('with an application that has none', () => {
    it('passes 100 runs, nearly each with an order of its own, and faults of every kind', async () => {
      const report = await explore(SyncEchoApp, echoes, { runs: 100, seed: 7 });
      expect(report).to.include({ runs: 100, seed: 7, interrupted: 0 });
      expect(report.interleavings).to.be.within(84, 101);
      for (const kind of ['crashWorker', 'crashManager', 'hangWorker', 'slowPipes', 'stall', 'shape'])
        expect(report.faults[kind], kind).to.be.above(6);
      expect(report.faults).to.not.have.property('reset');
    });

    for (const [title, App, options] of [
      ['whose handlers take time', AsyncEchoApp, {}],
      ['in base mode', SyncEchoApp, { settings: baseMode }],
      ['in base mode, in one process', SyncEchoApp, { settings: { ...baseMode, workerNum: 1 } }],
    ] as const) {
      it(`passes 60 runs ${title}`, async () => {
        const { faults, interrupted } = await explore(App, echoes, { runs: 60, ...options });
        expect(faults['stall']).to.be.above(5);
        // There a connection ends with its worker.
        if (title === 'in base mode') expect(interrupted).to.be.above(10);
        else expect(interrupted).to.equal(0);
      });
    }

    it('passes 40 runs in a dispatch mode that keeps no order, with clients that leave', async () => {
      const leaving: Scenario = async (server) => {
        const clients = await Promise.all([0, 1, 2].map(() => server.connect()));
        for (let i = 0; i < 10; i++) {
          for (const client of clients) client.send(`${i}\n`);
          await server.advance(5);
        }
        clients[0]!.reset();
        clients[1]!.end();
        clients[2]!.pause();
        await server.advance(50);
      };
      await explore(SyncEchoApp, leaving, {
        runs: 40,
        settings: { dispatchMode: 'roundRobin' },
        faults: { resets: 2 },
      });
    });

    it('passes 40 runs with everything that handlers do to a connection', async () => {
      const story: Scenario = async (server) => {
        const [one, two, three] = await Promise.all([0, 1, 2].map(() => server.connect()));
        one!.send('one\nfail\ntwo\n');
        two!.send('one\nbye\ntwo\n');
        three!.send('one\nbreak\n');
        await server.advance(30);
        one!.send('half\ncrash\nfour\n');
        await two!.ended();
        two!.end();
        one!.end();
        await one!.closed();
      };
      await explore(StoryApp, story, { runs: 40 });
    });

    it('passes while timers of the application send after the scenario', async () => {
      const silent: Scenario = async (server) => {
        const client = await server.connect();
        client.send('x\n');
        await client.receiveLine();
        await server.advance(60);
      };
      await explore(ForgetsNamesApp, silent, { runs: 60, faults: { crashes: 0 } });
    });

    it('passes when the scenario does nothing', async () => {
      expect(await explore(SyncEchoApp, nothing, { runs: 2 })).to.include({ runs: 2, interrupted: 0 });
    });

    it('gives the same report for the same seed, and other runs for another', async () => {
      const options = { runs: 15, seed: 3 };
      const report = await explore(SyncEchoApp, echoes, options);
      expect(await explore(SyncEchoApp, echoes, options)).to.deep.equal(report);
      const other = await explore(SyncEchoApp, echoes, { ...options, seed: 4 });
      expect(other.faults).to.not.deep.equal(report.faults);
    });
  });

  it('takes no task and no message for an event of the connection that has its number', async () => {
    await explore(
      JobsApp,
      async (server) => {
        const client = await server.connect();
        for (let task = 0; task < 3; task++) {
          client.send('wait [{"do":"echo","value":7}]\n');
          expect(await client.receiveLine()).to.equal('7');
        }
      },
      { runs: 1, faults: false },
    );
  });

  it('ends when a handler never settles, and takes that for no failure', async () => {
    const { interrupted } = await explore(
      NeverSettlesApp,
      async (server) => {
        const client = await server.connect();
        client.send('wait\n');
        await client.receiveLine();
        const other = await server.connect();
        other.send('x\n');
        await other.receiveLine();
      },
      { runs: 15, faults: { crashes: 1 } },
    );
    expect(interrupted).to.equal(0);
  });

  it('ends when handlers wait for something that the scenario does not give', async () => {
    const waiting: Scenario = async (server) => {
      const client = await server.connect({ listener: 'lines' });
      client.send('one\ntwo\n');
      await client.receiveLine();
    };
    await explore(GateApp, waiting, { runs: 5, faults: false });
  });

  describe('with faults that break connections', () => {
    it('counts a scenario that cannot go on as interrupted', async () => {
      const { interrupted, faults } = await explore(SyncEchoApp, echoes, { runs: 40, faults: { resets: 3 } });
      expect(faults['reset']).to.be.above(5);
      expect(interrupted).to.be.within(5, 40);
    });

    it('still finds what an interrupted run shows of the server', async () => {
      const lying: Scenario = async (server) => {
        const client = await server.connect();
        client.send('x\n');
        await client.receiveLine();
        await server.advance(20);
        client.send('y\n');
        await client.receiveLine().catch((error: Error) => {
          server.world.note('reactor 0', { kind: 'packet', connection: 1, packet: 9, bytes: 1 });
          throw error;
        });
      };
      const found = await findingOf(explore(SyncEchoApp, lying, { runs: 40, faults: onlyResets }));
      expect(found.kind).to.equal('close');
      expect(found.faults.map(({ kind }) => kind)).to.deep.equal(['reset']);
    });
  });

  describe('with a server that breaks a promise', () => {
    /** A fact that cannot be, as a broken kernel would tell it. */
    const lying = async (server: SimulatedServer): Promise<void> => {
      const client = await server.connect();
      const other = await server.connect();
      other.send('x\n');
      await other.receiveLine();
      client.send('x\n');
      await client.receiveLine();
      server.world.note('reactor 0', { kind: 'packet', connection: 1, packet: 9, bytes: 1 });
    };

    it('names the promise, and shows what concerns the connection', async () => {
      const found = await findingOf(explore(SyncEchoApp, lying, { runs: 5 }));
      expect(found).to.include({ kind: 'order', run: 0, seed: 0 });
      expect(found.message).to.match(/^ {2}order: connection 1: packet 9 came after 1$/m);
      expect(found.message).to.match(/^the trace of connection 1, \d+ of \d+ events:$/m);
      expect(found.message).to.include('takes packet 9 of connection 1');
      expect(found.message).to.not.include('connection 2');
    });

    it('counts that before what the scenario saw, and tells both', async () => {
      const failing: Scenario = async (server) => {
        await lying(server);
        throw new Error('something strange\nin two lines');
      };
      const found = await findingOf(explore(SyncEchoApp, failing, { runs: 5 }));
      expect(found.kind).to.equal('order');
      expect(found.message).to.match(/^ {2}and the scenario saw: something strange$/m);
      expect(found.cause)
        .to.be.an('error')
        .with.property('message')
        .that.matches(/^something strange/);
    });

    it('finds a server that dies during the scenario', async () => {
      const found = await findingOf(
        explore(SyncEchoApp, async (server) => void server.world.kill(server.running.masterPid), { runs: 5 }),
      );
      expect(found.kind).to.equal('stop');
      expect(found.message).to.not.include('the scenario saw');
    });
  });

  it('lets nothing go wrong any more once a server is healed', async () => {
    const crash = { kind: 'crashWorker', at: 0, workerId: 0 } as const;
    const faults: Fault[] = [
      { ...crash, when: 'write' },
      { kind: 'hangWorker', at: 0, workerId: 0, ms: 90 },
      { kind: 'slowPipes', at: 0, workerId: 0, ms: 9_000 },
    ];
    const server = await simulate(SyncEchoApp, { settings: { workerNum: 1 }, faults });
    await server.advance(1);
    server.heal();
    const client = await server.connect();
    client.send('hi\n');
    expect(await client.receiveLine()).to.equal('hi');
    expect(server.world.time).to.be.below(120);
    expect(server.trace.filter(({ kind }) => kind === 'exited')).to.deep.equal([]);
    await server.stop();
  });

  it('reports an application that cannot start', async () => {
    const found = await findingOf(explore(ThrowsInWorkerStartApp, nothing, { runs: 5 }));
    expect(found).to.include({ kind: 'start', run: 0 });
    expect(found.message).to.match(/^ {2}start: .*the hook cannot start$/m);
    expect(found.message).to.not.include('the scenario saw');
    expect(found.message).to.match(/^ +\d+\.\d{3} worker 0: ends by exit code 71$/m);
  });

  it('reports a class that is no application', async () => {
    class Nothing {}
    const found = await findingOf(explore(Nothing, nothing));
    expect(found.kind).to.equal('start');
    expect(found.message).to.include('@ServerConfig');
  });

  it('doubts a scenario that depends on the runs before it', async () => {
    let calls = 0;
    const counting: Scenario = async () => {
      if (++calls === 3) throw new Error('the third time');
    };
    const found = await findingOf(explore(SyncEchoApp, counting, { runs: 5 }));
    expect(found.run).to.equal(1);
    expect(found.message).to.include('scenario: the third time');
    expect(found.message).to.include('it did not fail when it was run again in this process');
    expect(found.message).to.include('a variable of a module');
  });

  describe('with few runs', () => {
    it('makes one without faults, and as many as it is told', async () => {
      for (const runs of [1, 3]) {
        const seeds: number[] = [];
        const report = await explore(SyncEchoApp, async ({ world }) => void seeds.push(world.seed), { runs });
        expect(report.runs).to.equal(runs);
        expect(seeds.length).to.equal(runs + 2);
        expect(new Set(seeds).size).to.equal(runs + 1);
        expect(seeds.slice(0, 2)).to.deep.equal([0, 0]);
      }
    });

    it('refuses a scenario whose run goes another way the second time, and shows where', async () => {
      let calls = 0;
      const changing: Scenario = async (server) => {
        const client = await server.connect();
        client.send(`call ${++calls}\n`);
        await client.receiveLine();
      };
      const error = await explore(SyncEchoApp, changing, { runs: 1 }).then(
        () => undefined,
        (reason: Error) => reason,
      );
      expect(error?.message).to.match(/went another way the second time/);
      expect(error?.message).to.match(/first: .*"call 1\\n"\n {2}then: .*"call 2\\n"/);
    });

    it('plays the one run that it is given, checks included', async () => {
      const replay = { seed: 5, faults: [{ kind: 'crashManager', at: 1 }] } as const;
      const seeds: number[] = [];
      const play: Scenario = async (server) => {
        seeds.push(server.world.seed);
        await server.advance(5);
      };
      const report = await explore(SyncEchoApp, play, { replay });
      expect(seeds).to.deep.equal([0, 0, 5]);
      expect([report.runs, report.faults]).to.deep.equal([1, { crashManager: 1 }]);
    });

    it('lets nothing go wrong when faults are switched off', async () => {
      const kinds = new Set<string>();
      const looking: Scenario = async (server) => {
        await echoes(server);
        for (const { kind } of server.trace) kinds.add(kind);
      };
      expect((await explore(SyncEchoApp, looking, { runs: 8, faults: false })).faults).to.deep.equal({});
      expect(kinds).to.not.include('fault').and.not.include('exited');
    });

    it('keeps what goes wrong within the limits', async () => {
      const { faults } = await explore(SyncEchoApp, echoes, {
        runs: 20,
        faults: { ...onlyResets, resets: 0, reloads: 0, stops: 0, stalls: 1 },
      });
      expect(Object.keys(faults)).to.deep.equal(['stall']);
      expect(faults['stall']).to.be.within(1, 20);
    });

    it('works where the trace forgets what is old', async () => {
      expect(await explore(SyncEchoApp, echoes, { runs: 5, traceLimit: 50 })).to.include({ runs: 5 });
    });
  });

  describe('refuses', () => {
    const refusal = async (options: object): Promise<string> => {
      const outcome = await explore(SyncEchoApp, nothing, options as ExploreOptions).catch(
        (error: Error) => error,
      );
      return outcome instanceof Error ? outcome.message : 'nothing';
    };

    it('numbers of runs that are not whole, or below 1', async () => {
      for (const runs of [0, -1, 1.5, NaN, '3'])
        expect(await refusal({ runs })).to.equal(
          `runs of explore is ${runs}, and has to be a whole number from 1`,
        );
    });

    it('seeds that are not whole, or below 0', async () => {
      for (const seed of [-1, 0.5, Infinity])
        expect(await refusal({ seed })).to.equal(
          `seed of explore is ${seed}, and has to be a whole number from 0`,
        );
      expect(await refusal({ seed: 0, runs: 1 })).to.equal('nothing');
    });

    it('faults that there are not', async () => {
      expect(await refusal({ faults: { crash: 1 } })).to.include(
        "there are no faults 'crash'; there are crashes, ",
      );
      expect(await refusal({ faults: { hangs: -1 } })).to.equal(
        'faults.hangs is -1, and has to be a whole number from 0',
      );
    });

    it('a SEED that is no whole number from 0', async () => {
      for (const text of ['nonsense', '-1', '1.5', '12 13', '1e400']) {
        process.env['SEED'] = text;
        expect(await refusal({})).to.equal(
          `SEED is "${text}", and has to be a whole number from 0, as explore prints it`,
        );
      }
    });
  });
});
