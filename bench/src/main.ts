/** Runs one benchmark by its name: `npm run bench -- echo [options]`. */
import { dispatch } from './dispatch/dispatch.js';
import { echo } from './echo/echo.js';
import { idle } from './idle/idle.js';
import { endAllPrograms } from './harness/program.js';
import { hostile } from './hostile/hostile.js';
import { durable, messages, tasks } from './tasks/tasks.js';
import { queue } from './queue/queue.js';
import { simulate } from './simulate/simulate.js';
import { spool } from './spool/spool.js';
import { udp } from './udp/udp.js';

interface Benchmark {
  readonly about: string;
  /** Resolves to the exit code. */
  readonly run: (args: string[]) => Promise<number>;
}

const benchmarks: Readonly<Record<string, Benchmark>> = {
  echo: { about: 'process mode, base mode and plain node:net, echoing in turns', run: echo },
  idle: { about: 'memory of idle connections, beside plain node:net', run: idle },
  dispatch: { about: 'messages per second with each dispatch mode, in turns', run: dispatch },
  tasks: { about: 'tasks per second, beside piscina with one thread', run: tasks },
  hostile: { about: 'how long clients wait for answers, alone and among hostile ones', run: hostile },
  durable: { about: 'tasks through a queue on disk and a server around it, per second', run: durable },
  messages: { about: 'messages between workers per second', run: messages },
  queue: { about: 'tasks through a durable queue, per second', run: queue },
  simulate: { about: 'boots of simulated servers, and messages through them, per second', run: simulate },
  udp: { about: 'datagrams: process mode, base mode and plain node:dgram, echoing in turns', run: udp },
  spool: { about: 'large payloads of tasks, by the pipe and through a file', run: spool },
};

const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

for (const [signal, number] of Object.entries(signalNumbers)) {
  process.once(signal, () => process.exit(128 + number));
}
// Whatever ends this process ends what it has started.
process.on('exit', endAllPrograms);

const [name = '', ...args] = process.argv.slice(2);
const benchmark = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined;
if (benchmark === undefined) {
  if (name !== '') console.error(`There is no benchmark '${name}'.`);
  console.error('Usage: npm run bench -- <name> [options]; <name> --help lists the options.\n');
  for (const [known, { about }] of Object.entries(benchmarks))
    console.error(`  ${known.padEnd(10)} ${about}`);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await benchmark.run(args);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
