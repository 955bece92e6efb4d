import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { simulate, type SimulatedServer, type TestClient } from '@shoal/testing';
import { Prng } from '@shoal/testing/internal/world/prng';
import { played } from '../exploration/breadth.js';
import { JobsApp } from '../fixtures/apps/jobs.js';
import { QueueApp, StartingApp, type Errand } from '../fixtures/apps/queue.js';
import { ask, eventually, linesLogged } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds } from './in-worlds.js';

const directory = mkdtempSync(join(tmpdir(), 'shoal-queue-'));
let files = 0;

describe('Tasks in a queue', () => {
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const [mode, taskIpcMode] of [
    ['process', 'queue'],
    ['base', 'sharedQueue'],
  ] as const) {
    (mode === 'process' ? inWorlds : inSimulationFirst)(
      `come back in every way there is (${mode} mode, ${taskIpcMode})`,
      JobsApp,
      async (server) => {
        const client = await server.connect();
        const own = await say(client, 'id');
        const value = { a: [1, null, 'ü'], when: 7 };
        expect(await say(client, 'wait', { do: 'echo', value })).to.deep.equal(value);
        const long = 'ü'.repeat(100_000);
        expect(await say(client, 'wait', { do: 'echo', value: long })).to.equal(long);
        expect(await say(client, 'wait', { do: 'nothing' })).to.equal('undefined');
        expect(await say(client, 'wait', { do: 'several' })).to.equal('first');
        expect(await say(client, 'callback', { do: 'echo', value: 7 })).to.equal(7);
        expect(await say(client, 'task', { do: 'several' })).to.equal('number');
        await eventually(
          server,
          'three results',
          async () => ((await say(client, 'finished')) as string[]).length === 3,
        );
        expect(await say(client, 'finished')).to.deep.equal([
          '["first",false,"number"]',
          '["second",false,"number"]',
          '["last",false,"number"]',
        ]);
        if (taskIpcMode === 'queue') {
          expect(await say(client, 'wait', { do: 'who' }, { dst: 1 })).to.deep.equal([
            3,
            own,
            1,
            '',
            'number',
          ]);
          expect(await say(client, 'wait', { do: 'who' }, { dst: 0 })).to.deep.equal([
            2,
            own,
            1,
            '',
            'number',
          ]);
        } else {
          const refused = (await say(client, 'wait', { do: 'who' }, { dst: 1 })) as object;
          expect(refused).to.include({ code: 'TASK_TARGET_INVALID' });
        }
        expect(await say(client, 'wait', { do: 'large', value: 200_000 }))
          .to.have.property('data')
          .with.length(200_000);
        await eventually(server, 'nothing left in the queue', async () => {
          const { outstanding, queue } = (await server.stats()).tasks;
          return outstanding === 0 && queue?.leased === 0 && queue.bytes === 0;
        });
        const { tasks } = await server.stats();
        expect(tasks).to.deep.include({ failed: 0, outstanding: 0 });
        expect(tasks.queue).to.deep.equal({ waiting: 0, delayed: 0, leased: 0, dead: 0, bytes: 0 });
        const status = await server.status();
        const queue = status.processes.find(({ role }) => role === 'queue');
        expect(queue).to.deep.include({ workerId: 4, state: 'ready' });
        await linesLogged(server, /, queue jobs/i, 1);
      },
      { settings: { mode, taskIpcMode, queueDirectory: join(directory, mode) } },
    );
  }

  inSimulationFirst(
    'are tried again when they fail, and are dead letters after that, of which their poster hears',
    QueueApp,
    async (server) => {
      const client = await server.connect();
      const errand = { file: file(), note: 'a' };
      expect(await call(client, 'wait', { ...errand, fails: 1 })).to.equal('a at attempt 2');
      expect(await call(client, 'wait', { ...errand, fails: 2 })).to.deep.equal({
        code: 'TASK_DEAD',
        message: 'task 2 has failed for good, at attempt 2: it is kept as a dead letter',
        cause: 'a fails at attempt 2',
      });
      expect(await call(client, 'task', { ...errand, fails: 2 })).to.equal('number');
      await eventually(server, 'the failure', async () => {
        return ((await call(client, 'finished')) as string[]).length === 1;
      });
      expect(await call(client, 'wait', 'no number', { name: 'number' })).to.deep.include({
        code: 'TASK_INPUT_INVALID',
      });
      expect((await server.stats()).tasks.queue).to.include({ waiting: 0, delayed: 0, dead: 3 });
      await linesLogged(server, /^task \d, 'number', is a dead letter after 1 attempts/, 1);
    },
    { settings: { queueDirectory: join(directory, 'retries') } },
  );

  inSimulationFirst(
    'are posted from everywhere, before anybody is there to take them, and by task workers as well',
    StartingApp,
    async (server) => {
      const path = process.env['SHOAL_START_FILE']!;
      const client = await server.connect();
      await eventually(server, 'all of them', () => {
        const notes = notesIn(path);
        return ['manager', 'worker 0', 'process'].every((note) => notes.includes(note));
      });
      await eventually(server, 'what the manager hears', () => heard(path).includes('manager at attempt 1'));
      expect(heard(path)).to.include('worker 0 at attempt 1');
      const errands = file();
      await call(client, 'enqueue', {
        file: errands,
        note: 'first',
        then: { file: errands, note: 'second' },
      });
      await eventually(server, 'both', () => notesIn(errands).join() === 'first,second');
    },
    { settings: { queueDirectory: join(directory, 'everywhere') }, seeds: 5 },
  );
  before(() => (process.env['SHOAL_START_FILE'] = file()));
  after(() => delete process.env['SHOAL_START_FILE']);

  inSimulation('are told apart by their dedupe key, and wait for their delay', QueueApp, async (server) => {
    const client = await server.connect();
    const errand = { file: file(), note: 'a' };
    const options = { dedupeKey: 'k', delay: 500 };
    const first = (await call(client, 'enqueue', errand, options)) as { id: number };
    expect(first).to.deep.equal({ id: first.id, duplicate: false });
    expect(await call(client, 'enqueue', errand, options)).to.deep.equal({ id: first.id, duplicate: true });
    await server.advance(400);
    expect(notesIn(errand.file)).to.deep.equal([]);
    await eventually(server, 'the task', () => notesIn(errand.file).length === 1);
    await eventually(server, 'its result', async () => {
      return ((await call(client, 'finished')) as string[]).join() === 'a at attempt 1';
    });
    expect(await call(client, 'enqueue', errand, options)).to.deep.include({ duplicate: false });
    for (const [wrong, range] of [
      [{ delay: -1 }, /^delay takes 0 to 31536000000 ms, not -1$/],
      [{ delay: '5' }, /^delay takes 0 to 31536000000 ms, not 5$/],
      [{ delay: null }, /^delay takes 0 to 31536000000 ms, not null$/],
      [{ dedupeKey: '' }, /^dedupeKey takes 1 to 256 characters$/],
      [{ dedupeKey: 'x'.repeat(257) }, /^dedupeKey takes 1 to 256 characters$/],
    ] as const) {
      const refused = (await call(client, 'enqueue', errand, wrong)) as { code: string; message: string };
      expect(refused.code).to.equal('TASK_OPTION_INVALID');
      expect(refused.message).to.match(range);
    }
  });

  inSimulation(
    'keep the order of each line',
    QueueApp,
    async (server) => {
      const client = await server.connect();
      const path = file();
      const errands = Array.from({ length: 40 }, (_, n) => ({ file: path, note: `${n}`, dst: n % 2 }));
      expect(await call(client, 'all', errands)).to.equal('all');
      await eventually(server, 'all of them', () => notesIn(path).length === 40);
      for (const line of [0, 1]) {
        const own = notesIn(path)
          .map(Number)
          .filter((n) => n % 2 === line);
        expect(own).to.deep.equal([...own].sort((a, b) => a - b));
      }
    },
    { settings: { taskIpcMode: 'queue' }, seeds: 5 },
  );

  inSimulation(
    'wait for room while the queue is full',
    QueueApp,
    async (server) => {
      const client = await server.connect();
      const path = file();
      const errands = Array.from({ length: 30 }, (_, n): Errand => ({ file: path, note: `${n}`, ms: 5 }));
      expect(await call(client, 'all', errands)).to.equal('all');
      await eventually(server, 'all of them', () => new Set(notesIn(path)).size === 30);
      expect(notesIn(path)).to.have.length(30);
    },
    { settings: { taskQueueLimit: 4 }, seeds: 5 },
  );

  inSimulation(
    'are refused while the queue is full',
    QueueApp,
    async (server) => {
      const client = await server.connect();
      const path = file();
      const errands = Array.from({ length: 30 }, (_, n): Errand => ({ file: path, note: `${n}`, ms: 50 }));
      expect(await call(client, 'all', errands)).to.deep.include({ code: 'TASK_QUEUE_FULL' });
    },
    { settings: { taskQueueLimit: 4, taskQueuePolicy: 'reject' }, seeds: 5 },
  );

  inSimulation(
    'are refused while the disk is full, and what was accepted is done all the same',
    QueueApp,
    async (server) => {
      const client = await server.connect();
      const path = file();
      await call(client, 'enqueue', { file: path, note: 'before' }, { delay: 100 });
      server.world.failStores('ENOSPC');
      const refused = (await call(client, 'enqueue', { file: path, note: 'full' })) as object;
      expect(refused).to.include({ code: 'TASK_STORE_FAILED' });
      await eventually(server, 'the one that was accepted', () => notesIn(path).join() === 'before');
      server.world.failStores(undefined);
      await call(client, 'enqueue', { file: path, note: 'after' });
      await eventually(server, 'the one after', () => notesIn(path).join() === 'before,after');
    },
  );

  for (const end of ['stop', 'kill'] as const) {
    inSimulation(
      `survive the server (${end}), and their results come to the worker that has the id then`,
      QueueApp,
      async (server) => {
        const client = await server.connect();
        const path = file();
        const errands = Array.from({ length: 20 }, (_, n): Errand => ({ file: path, note: `${n}`, ms: 20 }));
        expect(await call(client, 'all', errands)).to.equal('all');
        await server.advance(50);
        await server.restart(end);
        await eventually(server, 'all of them', () => new Set(notesIn(path)).size === 20);
        await eventually(server, 'an empty queue', async () => {
          const { queue } = (await server.stats()).tasks;
          return queue?.waiting === 0 && queue.leased === 0 && queue.dead === 0;
        });
        if (end === 'stop') expect(notesIn(path)).to.have.length(20);
        const results = await Promise.all(
          [0, 1].map(async () => {
            const other = await server.connect();
            return (await call(other, 'finished')) as string[];
          }),
        );
        expect(results.flat().some((result) => result.endsWith(' for another'))).to.equal(true);
      },
      { seeds: 10 },
    );
  }

  it('are done exactly once, and all results come back, while everything is replaced in order', async () => {
    for (let seed = 1; seed <= SEEDS / 2; seed++) {
      await underSeed(seed, { bakeTime: 0, maxWaitTime: 5_000 }, async (server, random) => {
        const path = file();
        const client = await server.connect();
        const answers: unknown[] = [];
        const replace = async (): Promise<void> => {
          while (answers.length < 40) {
            await server.advance(random.integer(0, 40));
            if (random.chance(0.2)) await server.reload({ only: 'task' }).catch(() => undefined);
            else await server.stopWorker(random.integer(2, 4)).catch(() => undefined);
          }
        };
        const post = async (): Promise<void> => {
          for (let n = 0; n < 40; n++) {
            const answer = await call(client, 'wait', {
              file: path,
              note: `${n}`,
              ms: random.integer(0, 20),
            });
            answers.push(answer);
            expect(answer).to.equal(`${n} at attempt 1`);
          }
        };
        await Promise.all([post(), replace()]);
        expect(notesIn(path)).to.have.length(40);
      });
    }
  }).timeout(120_000);

  inSimulation(
    'bring their results to the process that comes after their poster, as those of another',
    QueueApp,
    async (server) => {
      const path = file();
      const client = await server.connect();
      const own = (await call(client, 'id')) as number;
      await call(client, 'task', { file: path, note: 'a', ms: 100 });
      await call(client, 'task', { file: path, note: 'b', fails: 2 });
      client.send(`${JSON.stringify(['wait', { file: path, note: 'c', ms: 100 }])}\n`);
      await server.advance(20);
      await server.crashWorker(own);
      await server.workersReady();
      const heard = async (): Promise<string[]> => {
        const clients = await Promise.all([server.connect(), server.connect()]);
        const all = await Promise.all(clients.map(async (each) => call(each, 'finished')));
        for (const each of clients) each.end();
        return (all.flat() as string[]).filter((result) => result.endsWith(' for another'));
      };
      await eventually(server, 'both results', async () => new Set(await heard()).size >= 2);
      const dead = /^task 2 has failed for good, at attempt 2: it is kept as a dead letter for another$/;
      const [first, second] = [...new Set(await heard())].sort();
      expect(first).to.equal('a at attempt 1 for another');
      expect(second).to.match(dead);
      expect(notesIn(path)).to.include('c');
    },
    { seeds: 5 },
  );

  inSimulation(
    'are given to others when a task worker is blocked while the queue process is replaced',
    QueueApp,
    async (server) => {
      const path = file();
      const client = await server.connect();
      const errands = Array.from({ length: 12 }, (_, n): Errand => ({ file: path, note: `${n}`, ms: 50 }));
      await call(client, 'all', errands);
      await server.advance(20);
      await server.hangWorker(2, 9_000);
      await server.crashWorker(4);
      await server.advance(4_000);
      expect(notesIn(path)).to.have.length.below(12);
      await eventually(server, 'all of them', () => new Set(notesIn(path)).size === 12);
      expect(notesIn(path).length).to.be.at.least(12);
      await server.advance(5_000);
      const queue = (await server.stats()).tasks.queue;
      expect(queue).to.include({ waiting: 0, leased: 0, dead: 0 });
    },
    { settings: { workerTimeout: 60_000 }, seeds: 3 },
  );

  it('are all done, whatever dies at whichever moment', async () => {
    for (let seed = 1; seed <= SEEDS; seed++)
      await underSeed(seed, { workerTimeout: 0, taskRetries: 100 }, survive);
  }).timeout(120_000);

  it('are done exactly once, and all results come back, when nothing dies but the process that has the queue', async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      await underSeed(seed, { workerTimeout: 0 }, async (server, random) => {
        const path = file();
        const clients = await Promise.all([0, 1, 2].map(async () => server.connect()));
        const words = ['wait', 'callback', 'enqueue'];
        const kill = async (): Promise<void> => {
          for (let deaths = 0; deaths < 5; deaths++) {
            await server.advance(random.integer(0, 60));
            const pid = server.running.workers.find(({ role }) => role === 'queue')?.pid;
            if (pid === undefined || pid === 0) continue;
            if (random.chance(0.5)) server.world.killInsideWrite(pid, random.integer(1, 6));
            else server.world.kill(pid);
          }
        };
        const posts = clients.map(async (client, which) => {
          for (let n = 0; n < 20; n++) {
            const note = `${which}-${n}`;
            const answer = await call(client, words[which], { file: path, note, ms: random.integer(0, 5) });
            if (which === 2) expect(answer).to.include({ duplicate: false });
            // One that was lent and never arrived counts as another attempt.
            else expect(answer).to.match(new RegExp(`^${note} at attempt \\d$`));
          }
        });
        await Promise.all([...posts, kill()]);
        await eventually(server, 'all of them', () => new Set(notesIn(path)).size === 60);
        await server.advance(200);
        expect(notesIn(path)).to.have.length(60);
      });
    }
  }).timeout(120_000);
});

const SEEDS = played(60);

/** Under one seed, which also chooses the mode; a failure names it. */
async function underSeed(
  seed: number,
  settings: object,
  scenario: (server: SimulatedServer, random: Prng) => Promise<void>,
): Promise<void> {
  const mode = seed % 2 === 0 ? 'base' : 'process';
  const taskIpcMode = seed % 3 === 0 ? 'queue' : 'sharedQueue';
  const server = await simulate(QueueApp, { seed, settings: { mode, taskIpcMode, ...settings } });
  try {
    await scenario(server, new Prng(`queue ${seed}`));
  } catch (error) {
    (error as Error).message += ` (seed ${seed})`;
    throw error;
  } finally {
    await server.stop().catch(() => undefined);
  }
}

async function survive(server: SimulatedServer, random: Prng): Promise<void> {
  const { mode } = await server.status();
  const path = file();
  const accepted = new Set<string>();
  let posted = 0;
  const post = async (): Promise<void> => {
    let client = await server.connect();
    for (let sent = 0; posted < 60; sent++) {
      const note = `${posted++}`;
      client.send(`${JSON.stringify(['enqueue', { file: path, note, ms: random.integer(0, 8) }])}\n`);
      const answers = (): string[] => client.received.toString().split('\n').slice(0, -1);
      await server.until(
        () => client.state !== 'open' || answers().length > sent,
        () => `an answer to ${note}, or a loss`,
      );
      if (answers().length > sent) {
        expect(answers().at(-1), note).to.match(/^\{"id"/);
        accepted.add(note);
      } else {
        client = await server.connect();
        sent = -1;
      }
    }
  };
  const kill = async (): Promise<void> => {
    for (let deaths = 0; deaths < 8; deaths++) {
      await server.advance(random.integer(0, 40));
      const victims = server.running.workers.filter(({ pid }) => pid !== 0);
      const victim = victims[random.integer(0, victims.length - 1)];
      // In the queue its process is the one that matters: it dies as often as all the others.
      const queue = victims.find(({ role }) => role === 'queue');
      const pid = random.chance(0.4) ? queue?.pid : victim?.pid;
      if (mode === 'process' && random.chance(0.1)) server.world.kill(server.running.managerPid);
      else if (pid !== undefined && random.chance(0.5))
        server.world.killInsideWrite(pid, random.integer(1, 3));
      else if (pid !== undefined) server.world.kill(pid);
    }
  };
  await Promise.all([post(), post(), kill()]);
  await server.workersReady();
  await eventually(
    server,
    `all that was accepted to be done: ${[...accepted].filter((n) => !notesIn(path).includes(n)).join()}`,
    () => {
      const done = new Set(notesIn(path));
      return [...accepted].every((note) => done.has(note));
    },
  );
  await eventually(server, 'an empty queue', async () => {
    const { queue } = (await server.stats()).tasks;
    return queue !== undefined && queue.waiting + queue.delayed + queue.leased + queue.dead === 0;
  });
}

function file(): string {
  return join(directory, `notes-${files++}`);
}

function linesIn(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  } catch {
    return [];
  }
}

/** What was done, in order. */
function notesIn(path: string): string[] {
  return linesIn(path)
    .filter((line) => !line.startsWith('heard '))
    .map((line) => line.replace(/ \d+ \d+$/, ''));
}

function heard(path: string): string[] {
  return linesIn(path)
    .filter((line) => line.startsWith('heard '))
    .map((line) => line.slice(6));
}

async function call(client: TestClient, ...words: unknown[]): Promise<unknown> {
  return JSON.parse(await ask(client, JSON.stringify(words))) as unknown;
}

/** Of the jobs: a word with its arguments. */
async function say(client: TestClient, word: string, ...args: unknown[]): Promise<unknown> {
  return JSON.parse(
    await ask(client, args.length === 0 ? word : `${word} ${JSON.stringify(args)}`),
  ) as unknown;
}
