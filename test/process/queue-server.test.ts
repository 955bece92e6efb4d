import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { ServerStatus } from '@shoal/core/internal/pipe/questions';
import type { TaskSummary } from '@shoal/core/internal/pipe/queued-tasks';
import { endAll, shoal } from '../unit/cli/command.js';
import { disposePrograms, Program } from './program.js';

/** More of them by hand: `SHOAL_TASKS=10000 npx mocha …`. */
const TASKS = Number(process.env['SHOAL_TASKS'] ?? 1_000);
/** The last ones take so long, in ms, that the queue is not empty however long the machine pauses before the kill. */
const LAST_MS = 2_000;
const small = { workerNum: 1, taskWorkerNum: 1 };

describe('A server with a queue of tasks', function () {
  this.timeout(60_000 + TASKS * 20);
  let directory: string;
  let notes: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'shoal-queue-'));
    notes = join(directory, 'notes');
    writeFileSync(notes, '');
  });
  afterEach(async () => {
    await endAll();
    disposePrograms();
    rmSync(directory, { recursive: true, force: true });
  });

  async function started(settings: object = {}): Promise<Program> {
    const queueDirectory = join(directory, 'state');
    const program = Program.app('queue', 'QueueApp', { name: 'errands', queueDirectory, ...settings });
    await program.logged(/serves: /);
    return program;
  }

  const noted = (): string[] => readFileSync(notes, 'utf8').split('\n').slice(0, -1);

  it(`does all of ${TASKS} tasks that it has accepted, although all of its processes are killed meanwhile`, async () => {
    const first = await started({ taskQueueLimit: 100_000 });
    const client = await first.connect();
    const errands = Array.from({ length: TASKS }, (_, n) => ({
      file: notes,
      note: `${n}`,
      ms: n < TASKS - 4 ? n % 3 : LAST_MS,
    }));
    client.send(JSON.stringify(['all', errands]));
    await first.until(() => client.received.includes('"all"'), 'all tasks to be accepted', 60_000);
    await first.until(() => noted().length > TASKS / 10, 'some of them to be done', 60_000);
    first.group.kill();
    await first.left();
    const before = noted().length;
    expect(before, 'the queue was empty before the kill').to.be.below(TASKS);

    const second = await started({ taskQueueLimit: 100_000 });
    const done = (): Set<string> => new Set(noted().map((line) => line.split(' ')[0]!));
    await second.until(() => done().size === TASKS, 'all of them to be done', 30_000 + TASKS * 10);
    const twice = noted().length - TASKS;
    // What task workers had, and had not told the queue of: up to the depth of their lines.
    expect(twice).to.be.below(Math.max(200, TASKS / 4));
    const queue = async (): Promise<unknown> => {
      const { stdout } = await shoal(['status', '--json', '--runtime-directory', second.directory]);
      return (JSON.parse(stdout) as ServerStatus).stats.tasks.queue;
    };
    const empty = { waiting: 0, delayed: 0, leased: 0, dead: 0, bytes: 0 };
    for (let tries = 0; tries < 50; tries++) {
      const counts = (await queue()) as typeof empty;
      if (counts.waiting + counts.leased === 0) break;
    }
    expect(await queue()).to.deep.equal(empty);
    expect((await shoal(['stop', '--runtime-directory', second.directory])).code).to.equal(0);
    expect(await second.left()).to.deep.equal({ code: 0, signal: null });
  });

  it('shows its tasks, retries its dead letters and forgets what waits, as the shoal command says', async () => {
    const program = await started({ ...small, taskRetries: 0 });
    const at = ['--runtime-directory', program.directory];
    const client = await program.connect();
    const post = async (errand: object, options: object = {}): Promise<void> => {
      const before = client.received.split('\n').length;
      client.send(JSON.stringify(['enqueue', { file: notes, ...errand }, options]));
      await program.until(() => client.received.split('\n').length > before, 'it to be accepted');
    };
    await post({ note: 'fails', fails: 1 });
    await post({ note: 'later' }, { delay: 3_600_000, dedupeKey: 'k' });
    await program.logged(/task 1 is a dead letter after 1 attempts: fails fails at attempt 1/);

    const list = async (...words: string[]): Promise<TaskSummary[]> =>
      JSON.parse((await shoal(['tasks', ...words, '--json', ...at])).stdout) as TaskSummary[];
    expect((await list()).map(({ id, state, dedupeKey }) => [id, state, dedupeKey])).to.deep.equal([
      [1, 'dead', undefined],
      [2, 'delayed', 'k'],
    ]);
    expect((await list('dead')).map(({ reason }) => reason?.message)).to.deep.equal([
      'fails fails at attempt 1',
    ]);
    expect(await list('list', '--state', 'waiting')).to.deep.equal([]);
    const { stdout } = await shoal(['tasks', ...at]);
    expect(stdout).to.match(/^ *1 +- +dead for .* 1 of 1 .* RangeError: fails fails at attempt 1$/m);
    expect(stdout).to.match(/^ *2 +- +due in 59m \d+s +any .* k$/m);

    const retried = await shoal(['tasks', 'retry', '1', '2', '--server', 'errands', ...at]);
    expect(retried).to.include({ code: 1, stdout: '1 dead letter is ready again\n' });
    expect(retried.stderr).to.include('the others are no dead letters');
    // It begins anew, and fails anew.
    await program.until(() => program.stdout.split('is a dead letter').length === 3, 'another failure');
    expect(await shoal(['tasks', 'retry', '--all', ...at])).to.include({ code: 0 });
    expect(await shoal(['tasks', 'drain', ...at])).to.include({ code: 0, stdout: '1 task is forgotten\n' });
    expect((await shoal(['stop', ...at])).code).to.equal(0);
  });

  it('is one of a kind: a second one with its queue ends with the reason, and a replacement takes over', async () => {
    const first = await started(small);
    const second = Program.app('queue', 'QueueApp', {
      ...small,
      name: 'errands',
      queueDirectory: join(directory, 'state'),
      maxBootFailures: 1,
    });
    expect(await second.left()).to.deep.equal({ code: 73, signal: null });
    expect(`${second.stdout}${second.stderr}`).to.match(
      /belongs to process \d+, which runs: stop that server/,
    );

    const status = async (): Promise<ServerStatus> =>
      JSON.parse(
        (await shoal(['status', '--json', '--runtime-directory', first.directory])).stdout,
      ) as ServerStatus;
    const queue = (await status()).processes.find(({ role }) => role === 'queue')!;
    process.kill(queue.pid, 'SIGKILL');
    await first.logged(/^queue ended: ended by SIGKILL/);
    const client = await first.connect();
    client.send(JSON.stringify(['wait', { file: notes, note: 'after' }]));
    await first.until(() => client.received.includes('after at attempt 1'), 'the task');
    const next = (await status()).processes.find(({ role }) => role === 'queue')!;
    expect(next).to.include({ workerId: queue.workerId, state: 'ready', restarts: 1 });
    expect((await shoal(['stop', '--runtime-directory', first.directory])).code).to.equal(0);
  });

  it('ends with exit code 73 and the reason when what is on its disk is damaged', async () => {
    const program = await started(small);
    const client = await program.connect();
    client.send(
      JSON.stringify([
        'all',
        [
          { file: notes, note: 'a' },
          { file: notes, note: 'b' },
        ],
      ]),
    );
    await program.until(() => noted().length === 2, 'both');
    expect((await shoal(['stop', '--runtime-directory', program.directory])).code).to.equal(0);
    await program.left();
    const place = join(directory, 'state', 'errands');
    const files = readdirSync(place).map((name) => join(place, name));
    const [largest] = files.sort((a, b) => statSync(b).size - statSync(a).size);
    const bytes = readFileSync(largest!);
    bytes.fill(0xff, 0, Math.min(8_192, bytes.length));
    writeFileSync(largest!, bytes);
    const next = Program.app('queue', 'QueueApp', {
      ...small,
      name: 'errands',
      queueDirectory: join(directory, 'state'),
      maxBootFailures: 2,
    });
    expect(await next.left()).to.deep.equal({ code: 73, signal: null });
    expect(`${next.stdout}${next.stderr}`).to.include('QUEUE_DAMAGED');
  });
});
