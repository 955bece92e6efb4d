import { expect } from 'chai';
import { launch, simulate, type TestLog, type TestServer } from '@shoal/testing';
import { LifecycleApp, SessionApp } from '../fixtures/apps/lifecycle.js';
import { ask, eventually, linesLogged, linesOf } from './facts.js';
import { inSimulation, inSimulationFirst } from './in-worlds.js';

const base = { mode: 'base' } as const;
const single = { mode: 'base', workerNum: 1, taskWorkerNum: 0 } as const;

const IN_EVENT_WORKER = [
  'first built',
  'database opened',
  'cache opened',
  'lines built',
  'first workerStart',
  'second workerStart',
  'second workerStop',
  'Second.workerStop failed in workerStop',
  'first workerStop',
  'cache closed',
  'database closed',
];
const IN_TASK_WORKER = [
  'first built',
  'first workerStart',
  'second workerStart',
  'second workerStop',
  'Second.workerStop failed in workerStop',
  'first workerStop',
];
const IN_MANAGER = [
  'first built',
  'first managerStart',
  'second managerStart',
  'second managerStop',
  'first managerStop',
];
const IN_MASTER = ['first built', 'first start', 'second start', 'second shutdown', 'first shutdown'];

describe('The life of a server', () => {
  const worlds = [
    ['simulated', 10, async (seed: number, settings: object) => simulate(LifecycleApp, { seed, settings })],
    ['real processes', 1, async (_seed: number, settings: object) => launch(LifecycleApp, { settings })],
  ] as const;

  for (const [world, seeds, start] of worlds) {
    it(`shows every role the same server, and runs each hook once, in its process and in order, with the objects it needs around it (${world})`, async () => {
      for (let seed = 1; seed <= seeds; seed++) {
        const server = await start(seed, {});
        await everyRoleSeesTheSameServer(server);
        await server.stop();
        const life = lifeOf(server);
        expect(linesIn(life, 'master')).to.deep.equal(IN_MASTER);
        expect(linesIn(life, 'manager')).to.deep.equal(IN_MANAGER);
        for (const workerId of [0, 1]) {
          expect(linesIn(life, 'worker', workerId)).to.deep.equal(numbered(IN_EVENT_WORKER, workerId));
        }
        expect(linesIn(life, 'task worker', 2)).to.deep.equal(numbered(IN_TASK_WORKER, 2));
        inThisOrder(life, [
          [/^second managerStart/],
          [/^first workerStart/, /^second workerStart/],
          [/^first start/],
          [/^first workerStop/, /^database closed/],
          [/^second managerStop/],
          [/^first managerStop/],
          [/^second shutdown/],
        ]);
      }
    });
  }

  for (const [name, settings] of Object.entries({ base, single })) {
    it(`runs each hook once in ${name} mode too (simulated)`, async () => {
      const server = await simulate(LifecycleApp, { settings });
      await server.stop();
      const life = lifeOf(server);
      const hooks = life.map(({ message }) => message).filter((message) => message.startsWith('first '));
      const expected = ['first start', 'first managerStart', 'first managerStop', 'first shutdown'];
      for (let id = 0; id < (name === 'base' ? 3 : 1); id++) {
        expected.push(`first workerStart ${id}`, `first workerStop ${id}`);
      }
      const built = name === 'base' ? 4 : 1;
      expected.push(...Array.from({ length: built }, () => 'first built'));
      expect(hooks.toSorted()).to.deep.equal(expected.toSorted());
      inThisOrder(life, [
        [/^second managerStart/],
        [/^first workerStart/, /^second workerStart/],
        [/^first start/],
        [/^first workerStop/],
        [/^first managerStop/],
        [/^second shutdown/],
      ]);
    });
  }

  inSimulation('ends in order when a worker asks for it', LifecycleApp, async (server) => {
    const client = await server.connect();
    client.send('shutdown\n');
    expect(await client.receiveLine()).to.equal('shutdown');
    await client.ended();
    client.end();
    expect(await server.exited()).to.deep.equal({ exitCode: 0 });
    expect(linesOf(server, 'first shutdown')).to.have.length(1);
  });
});

describe("Instances with scope 'connection'", () => {
  inSimulationFirst(
    'are made for each connection, disposed in reverse after its close, and made anew where it is adopted',
    SessionApp,
    async (server) => {
      const one = await server.connect();
      const two = await server.connect();
      expect(await one.receiveLine()).to.equal('true');
      expect(await two.receiveLine()).to.equal('true');
      expect(await ask(one, 'x')).to.equal('line 1');
      expect(await ask(one, 'x')).to.equal('line 2');
      expect(await ask(two, 'x')).to.equal('line 1');

      for (const workerId of [0, 1]) await server.crashWorker(workerId);
      for (const client of [one, two]) {
        expect(await client.receiveLine()).to.equal('adopted');
        expect(await ask(client, 'x')).to.equal('line 1');
      }
      one.end();
      await one.ended();
      await eventually(server, 'the disposal', () => linesOf(server, 'notebook closed').length === 1);
      const [closed] = linesOf(server, 'notebook closed');
      const { connection } = closed!.fields as { connection: number };
      const story = server
        .logs()
        .filter(
          ({ message, fields }) =>
            /^(session|notebook) /.test(message) && fields?.['connection'] === connection,
        )
        .map(({ message }) => message);
      expect(story).to.deep.equal([
        'notebook opened',
        'session opened',
        'notebook opened',
        'session opened',
        'session left',
        'session closed',
        'notebook closed',
      ]);
    },
  );

  inSimulation('are disposed when the server stops', SessionApp, async (server) => {
    const client = await server.connect();
    expect(await client.receiveLine()).to.equal('true');
    await server.stop();
    expect(linesOf(server, 'notebook closed')).to.have.length(1);
  });
});

/** What the roles know of each other before the end. */
async function everyRoleSeesTheSameServer(server: TestServer): Promise<void> {
  const { running } = server;
  const { masterPid, managerPid } = running;
  await eventually(server, 'the start hooks', () => linesOf(server, 'second start').length === 1);
  const told = /^first (start|managerStart|workerStart)/;
  const views = (await linesLogged(server, told, 2 + running.workers.length)).map(
    (log) => log.fields?.['view'] as { role: string; workerId: number },
  );
  const common = { masterPid, managerPid, taskworker: false, name: 'life' };
  const workers = running.workers.map(({ workerId, role, pid }) => {
    return { ...common, role, workerId, workerPid: pid, taskworker: role === 'taskWorker' };
  });
  const byRole = (a: { role: string; workerId: number }, b: typeof a) =>
    a.role.localeCompare(b.role) || a.workerId - b.workerId;
  expect(views.toSorted(byRole)).to.deep.equal(
    [
      { ...common, role: 'master', workerId: -1, workerPid: masterPid },
      { ...common, role: 'manager', workerId: -1, workerPid: managerPid },
      ...workers,
    ].toSorted(byRole),
  );
}

/** The lines of the application, without those of the framework. */
function lifeOf(server: TestServer): readonly TestLog[] {
  return linesOf(server, /^(first|second|lines|cache|database) |^Second\./);
}

function linesIn(life: readonly TestLog[], role: string, workerId?: number): string[] {
  return life
    .filter((log) => log.role === role && (workerId === undefined || log.workerId === workerId))
    .map(({ message }) => message);
}

function numbered(messages: readonly string[], workerId: number): string[] {
  return messages.map((message) => (message.startsWith('first worker') ? `${message} ${workerId}` : message));
}

/** All lines of a group come before all lines of the next. */
function inThisOrder(life: readonly TestLog[], groups: readonly (readonly RegExp[])[]): void {
  let last = -1;
  for (const patterns of groups) {
    const places = life.flatMap(({ message }, index) =>
      patterns.some((pattern) => pattern.test(message)) ? [index] : [],
    );
    expect(places, String(patterns)).to.not.have.length(0);
    expect(Math.min(...places), String(patterns)).to.be.greaterThan(last);
    last = Math.max(...places);
  }
}
