/**
 * The queue benchmark: how many tasks go through a durable queue in a second, in
 * one process: posted, taken in batches, acknowledged. Prints what each costs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { NodeClock } from '@shoal/core/internal/platform/node/clock';
import { NodeStores } from '@shoal/core/internal/platform/node/store/node-stores';
import { StoredQueue } from '@shoal/core/internal/tasks/queue/stored-queue';

const usage = `Usage: npm run bench -- queue [options]
  --tasks <n>      tasks in each run (200000)
  --posters <n>    posters, each of which waits until its task is accepted (1000)
  --bytes <n>      of each payload (100)
  --batch <n>      tasks that are taken at once (100)
  --directory <d>  where the queue is kept: a disk, not memory (the system's place for temporary files)`;

interface Run {
  readonly syncInterval: number;
  readonly tasks: number;
  readonly posters: number;
  readonly bytes: number;
  readonly batch: number;
  readonly directory: string;
}

/** Exit code 0: the figures are the result. */
export async function queue(args: string[]): Promise<number> {
  const text = (fallback: string) => ({ type: 'string', default: fallback }) as const;
  const { values } = parseArgs({
    args,
    options: {
      tasks: text('200000'),
      posters: text('1000'),
      bytes: text('100'),
      batch: text('100'),
      directory: text(tmpdir()),
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const { tasks, posters, bytes, batch, directory } = values;
  const numbers = {
    tasks: Number(tasks),
    posters: Number(posters),
    bytes: Number(bytes),
    batch: Number(batch),
  };
  for (const syncInterval of [100, 0]) console.log(await measure({ ...numbers, directory, syncInterval }));
  return 0;
}

async function measure({ syncInterval, tasks, posters, bytes, batch, directory }: Run): Promise<string> {
  const parent = mkdtempSync(join(directory, 'shoal-bench-'));
  const store = await new NodeStores().open({ parent, name: 'queue', syncInterval });
  let wake = (): void => {};
  const subject = await StoredQueue.open({
    store,
    clock: new NodeClock(),
    random: { next: () => Math.random() },
    limit: tasks,
    targets: 0,
    maxAttempts: 2,
    events: { ready: () => wake(), room() {}, died() {}, trouble: (error) => console.error(error) },
  });
  const payload = Buffer.alloc(bytes, 1);
  const waits: number[] = [];
  const cpuBefore = process.cpuUsage();
  const begin = performance.now();
  await new Promise<void>((resolve) => {
    let posted = 0;
    let done = 0;
    const post = (): void => {
      if (posted++ >= tasks) return;
      const since = performance.now();
      void subject.enqueue({ payload, meta: { worker: 1, name: 'index' } }).then(() => {
        waits.push(performance.now() - since);
        post();
      });
    };
    const work = (): void => {
      for (;;) {
        const ids = subject.take(0, 1, batch).map(({ id }) => id);
        if (ids.length === 0) return;
        void subject.acknowledge(ids).then(() => {
          done += ids.length;
          if (done === tasks) resolve();
        });
      }
    };
    wake = () => void setImmediate(work);
    for (let poster = 0; poster < posters; poster++) post();
  });
  const seconds = (performance.now() - begin) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  await subject.close();
  rmSync(parent, { recursive: true, force: true });
  waits.sort((a, b) => a - b);
  const at = (share: number): string => waits[Math.floor((waits.length - 1) * share)]!.toFixed(1);
  const name = syncInterval === 0 ? 'sync    ' : 'interval';
  const micros = (cpu.user + cpu.system) / tasks;
  return `${name} ${Math.round(tasks / seconds).toLocaleString('en')} tasks/s, ${micros.toFixed(1)} µs of CPU each; accepted in ${at(0.5)} ms, p99 ${at(0.99)} ms, at most ${at(1)} ms`;
}
