import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import {
  launch,
  simulate,
  type SimulatedServer,
  type TestClient,
  type TestLog,
  type TestServer,
} from '@shoal/testing';
import { HooksApp, HooksThatDie, HooksThatHang, HooksThatThrow } from '../fixtures/apps/hooks.js';
import { played } from '../exploration/breadth.js';
import { eventually, logged } from '../scenarios/facts.js';
import { difference, storyOf, tableOf, type Entry, type Mode, type Step } from './stories.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const page = readFileSync(join(root, 'docs/lifecycle.md'), 'utf8');
const shoal = join(root, 'packages/cli/dist/main.js');
const run = promisify(execFile);

const SEEDS = played(5);
/** Handlers that run while something happens take so long, in ms: longer than workers take to boot. */
const LONG = 3_000;
/** Every story is over by then, in virtual ms. */
const STORY_MS = 30_000;

const settingsOf = {
  process: {},
  base: { mode: 'base' },
  single: { mode: 'base', workerNum: 1, taskWorkerNum: 0 },
} as const;
const modes = Object.keys(settingsOf) as Mode[];
const titleOf = { process: 'process mode', base: 'base mode', single: 'one process' };

interface Play {
  readonly act: (server: SimulatedServer, clients: readonly TestClient[]) => unknown;
  /** Default all. */
  readonly modes?: readonly Mode[];
}

const severalProcesses = ['process', 'base'] as const;

const signals: Record<string, Play> = {
  '`SIGTERM` to the first process': { act: (server) => signal(server, masterOf(server), 'SIGTERM') },
  '`SIGINT` to the first process': { act: (server) => signal(server, masterOf(server), 'SIGINT') },
  '`SIGTERM` or `SIGINT`, once more to the first process': {
    act: async (server) => {
      signal(server, masterOf(server), 'SIGTERM');
      await server.advance(251);
      signal(server, masterOf(server), 'SIGINT');
    },
  },
  '`SIGUSR1` to the first process': {
    act: (server) => signal(server, masterOf(server), 'SIGUSR1'),
    modes: severalProcesses,
  },
  '`SIGUSR2` to the first process': {
    act: (server) => signal(server, masterOf(server), 'SIGUSR2'),
    modes: severalProcesses,
  },
  '`SIGWINCH` to the first process': { act: (server) => signal(server, masterOf(server), 'SIGWINCH') },
  '`SIGKILL` to the first process': { act: (server) => server.world.kill(masterOf(server)) },
  '`SIGTERM` to the manager': {
    act: (server) => signal(server, server.running.managerPid, 'SIGTERM'),
    modes: ['process'],
  },
  '`SIGKILL` to the manager': { act: async (server) => server.crashManager(), modes: ['process'] },
  '`SIGTERM` to a worker': {
    act: (server) => signal(server, workerOf(server, 0), 'SIGTERM'),
    modes: severalProcesses,
  },
  '`SIGKILL` to a worker': { act: async (server) => server.crashWorker(0), modes: severalProcesses },
  '`SIGTERM` to a task worker': {
    act: (server) => signal(server, workerOf(server, 2), 'SIGTERM'),
    modes: severalProcesses,
  },
  '`SIGKILL` to a task worker': { act: async (server) => server.crashWorker(2), modes: severalProcesses },
  '`SIGINT`, `SIGUSR1` or `SIGUSR2` to any other process': {
    act: (server) => {
      const { managerPid, masterPid, workers } = server.running;
      const pids = [managerPid, ...workers.map(({ pid }) => pid)].filter((pid) => pid !== masterPid);
      for (const pid of pids) for (const name of IGNORED) signal(server, pid, name);
    },
    modes: severalProcesses,
  },
};
const IGNORED = ['SIGINT', 'SIGUSR1', 'SIGUSR2'] as const;

const commands: Record<string, Play> = {
  '`shoal stop`': { act: (server) => void server.running.shutdown() },
  '`shoal reload`': { act: async (server) => server.reload(), modes: severalProcesses },
  '`shoal reload --only task`': {
    act: async (server) => server.reload({ only: 'task' }),
    modes: severalProcesses,
  },
  '`server.shutdown()`': {
    act: (_server, [, second]) => second!.send('shutdown\n'),
    modes: severalProcesses,
  },
  '`server.reload()`': { act: (_server, [, second]) => second!.send('reload\n'), modes: severalProcesses },
  "`server.reload({ only: 'task' })`": {
    act: (_server, [, second]) => second!.send('reloadTasks\n'),
    modes: severalProcesses,
  },
  '`server.stop(0)`': { act: (_server, [, second]) => second!.send('stop 0\n'), modes: severalProcesses },
  '`maxMemory` exceeded': {
    act: (server) => server.useMemory(0, 2 * MAX_MEMORY),
    modes: severalProcesses,
  },
};
const MAX_MEMORY = 1024 ** 3;

const builds: Record<string, Play> = {
  'throws at import': {
    act: deployed(new URL('../fixtures/builds/throws-at-import.js', import.meta.url)),
    modes: severalProcesses,
  },
  'throws in a start hook': { act: deployed(HooksThatThrow), modes: severalProcesses },
  'does not become ready': { act: deployed(HooksThatHang), modes: severalProcesses },
  'dies within `bakeTime`': { act: deployed(HooksThatDie), modes: severalProcesses },
};

const tables = [
  [
    'signals',
    signals,
    ['signal', 'to', 'what happens'],
    ([name, to]: readonly string[]) => `${name} to ${to}`,
  ],
  ['commands', commands, ['command', 'what happens'], ([command]: readonly string[]) => command!],
  ['builds', builds, ['the new build', 'what happens'], ([build]: readonly string[]) => build!],
] as const;

describe('docs/lifecycle.md', function () {
  this.timeout(60_000);

  for (const mode of modes) {
    it(`tells the start in order (${titleOf[mode]}, ${SEEDS} seeds)`, async () => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const server = await simulate(HooksApp, { seed, settings: settingsOf[mode] });
        await server.advance(STORY_MS);
        expectStory(storyOf(page, 'The start', mode), recordOf(server.logs(), pidsOf(server)));
        await server.stop();
      }
    });
  }

  for (const [name, plays, titles, keyOf] of tables) {
    const rows = tableOf(page, titles);

    it(`has a row for each of the ${name} that are played, and plays each row`, () => {
      expect(rows.map(keyOf)).to.have.members(Object.keys(plays));
    });

    for (const row of rows) {
      const play = plays[keyOf(row)];
      const heading = /\[(.+)\]/.exec(row.at(-1)!)?.[1];
      if (play === undefined || heading === undefined) continue;
      for (const mode of play.modes ?? modes) {
        it(`tells in order what happens: ${keyOf(row)} (${titleOf[mode]}, ${SEEDS} seeds)`, async () => {
          for (let seed = 1; seed <= SEEDS; seed++)
            await simulated(seed, mode, play, storyOf(page, heading, mode));
        });
      }
    }
  }

  const real = {
    'A stop': async (server: TestServer) => command(server, 'stop'),
    'A reload': async (server: TestServer) => command(server, 'reload'),
    'The loss of a worker': (server: TestServer) => process.kill(workerOf(server, 0), 'SIGKILL'),
  };
  for (const [heading, act] of Object.entries(real)) {
    it(`tells what real processes do: ${heading}`, async () => {
      const story = storyOf(page, heading, 'process');
      const server = await launch(HooksApp);
      try {
        const { old, before } = await begin(server, 2, story);
        const record = (): readonly Entry[] => recordOf(server.logs().slice(before), old);
        await act(server);
        await eventually(server, heading, () => record().length >= story.flat().length);
        expectStory(story, record());
      } finally {
        await server.stop();
      }
    });
  }

  it('gives the defaults of the deadlines that the settings have', () => {
    const settings = readFileSync(join(root, 'docs/configuration.md'), 'utf8');
    const rows = tableOf(page, ['deadline', 'default', 'what it limits', 'when it is over']);
    expect(rows).to.have.length(6);
    for (const [option = '', value = ''] of rows) {
      const [, shown = ''] =
        new RegExp(`^\\| ${option} \\| [^|]+ \\| \`([^\`]+)\``, 'm').exec(settings) ?? [];
      expect(shown.replaceAll('_', ''), option).to.equal(value.replaceAll('`', '').replaceAll('_', ''));
    }
  });
});

async function simulated(seed: number, mode: Mode, play: Play, story: readonly Step[]): Promise<void> {
  const settings = { ...settingsOf[mode], ...(mode !== 'single' && { maxMemory: MAX_MEMORY }) };
  const server = await simulate(HooksApp, { seed, settings });
  const { old, before, clients } = await begin(server, mode === 'single' ? 1 : 2, story);
  await play.act(server, clients);
  await server.advance(STORY_MS);
  try {
    expectStory(story, recordOf(server.logs().slice(before), old));
  } catch (error) {
    if (error instanceof Error) error.message = `seed ${seed}: ${error.message}`;
    throw error;
  }
  const killed = server.world.exits.get(server.running.masterPid)?.signal === 'SIGKILL';
  if (killed) await server.stop().catch(() => undefined);
  else await server.stop();
}

/** Each worker serves one client, and in a story that tells of a handler, that of worker 0 runs one. */
async function begin(
  server: TestServer,
  workers: number,
  story: readonly Step[],
): Promise<{ old: Readonly<Record<number, string>>; before: number; clients: readonly TestClient[] }> {
  const clients: TestClient[] = [];
  while (Object.keys(clients).length < workers) {
    const client = await server.connect();
    client.send('1\n');
    await client.receiveLine();
    const { workerId } = server.connections.at(-1)!;
    if (clients[workerId!] === undefined) clients[workerId!] = client;
    else {
      client.end();
      await client.ended();
      await eventually(server, 'its end', () => server.connections.length === Object.keys(clients).length);
    }
  }
  const old = pidsOf(server);
  await server.advance(20);
  const before = server.logs().length;
  if (story.flat().some(({ hook }) => hook === '@OnReceive')) {
    clients[0]!.send(`${LONG}\n`);
    await eventually(server, 'the handler', () =>
      server.connections.some(({ running }) => running.length > 0),
    );
  }
  return { old, before, clients };
}

function pidsOf({ running }: TestServer): Readonly<Record<number, string>> {
  const places: Record<number, string> = { [running.managerPid]: 'manager' };
  for (const { workerId, role, pid } of running.workers)
    places[pid] = role === 'taskWorker' ? `task worker ${workerId}` : `worker ${workerId}`;
  return places[running.masterPid] === 'worker 0' ? places : { ...places, [running.masterPid]: 'master' };
}

/** The hooks that ran, in order; those that run once a second count once. */
function recordOf(logs: readonly TestLog[], old: Readonly<Record<number, string>>): readonly Entry[] {
  const exiting = new Set<string>();
  return logs
    .filter(({ message }) => message.startsWith('hook '))
    .toSorted((a, b) => Number(BigInt(String(a.fields!['at'])) - BigInt(String(b.fields!['at']))))
    .map(({ message, role, workerId, pid }) => {
      const place = old[pid] ?? `new ${workerId === undefined ? role : `${role} ${workerId}`}`;
      return { hook: message.slice('hook '.length), place };
    })
    .filter(({ hook, place }) => hook !== '@OnWorkerExit' || (!exiting.has(place) && exiting.add(place)));
}

function expectStory(story: readonly Step[], record: readonly Entry[]): void {
  expect(difference(story, record), difference(story, record)).to.equal(undefined);
}

function signal(
  server: SimulatedServer,
  pid: number,
  name: Parameters<SimulatedServer['world']['signal']>[1],
): void {
  server.world.signal(pid, name);
}

function masterOf({ running }: TestServer): number {
  return running.masterPid;
}

function workerOf({ running }: TestServer, workerId: number): number {
  return running.workers[workerId]!.pid;
}

function deployed(App: Parameters<TestServer['deploy']>[0]): Play['act'] {
  return async (server) => {
    await server.deploy(App);
    await server.reload();
  };
}

/** As an operator does it, who knows where the server has its sockets. */
async function command(server: TestServer, name: string, ...options: readonly string[]): Promise<void> {
  const { fields } = await logged(server, 'hook @OnStart');
  const place = ['--runtime-directory', String(fields!['runtimeDirectory'])];
  await run(process.execPath, [shoal, name, String(masterOf(server)), ...options, ...place]);
}
