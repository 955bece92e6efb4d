/**
 * The dispatch benchmark: servers that differ in nothing but `dispatchMode` get
 * the same load in turns, round by round. A message is so small, and its handler
 * so short, that the choice of a worker shows if it ever does.
 */
import { availableParallelism, cpus } from 'node:os';
import type { EchoCase } from '../echo/cases.js';
import type { Contestant } from '../echo/contestants.js';
import { measure } from '../echo/measure.js';
import { summarize, type Summary } from '../echo/summary.js';
import { tableLines } from '../harness/table.js';
import { readOptions, usage, type DispatchOptions } from './options.js';

/** Unmeasured time before each turn, in ms. */
const WARM_UP_MS = 300;
const CONNECTIONS = 50;

const cases: readonly EchoCase[] = [
  {
    name: '64B',
    about: `64 B, raw, ${CONNECTIONS} connections, 1 in flight on each`,
    load: { connections: CONNECTIONS, inFlight: 1, messageBytes: 64, prefixed: false },
  },
  {
    name: 'framed',
    about: `64 B behind a length of 4 B, ${CONNECTIONS} connections, 16 in flight on each`,
    load: { connections: CONNECTIONS, inFlight: 16, messageBytes: 68, prefixed: true },
    unordered: true,
  },
];

/** Exit code 0: the figures are the result. */
export async function dispatch(args: string[]): Promise<number> {
  if (process.platform !== 'linux') throw new Error('the dispatch benchmark reads /proc and needs Linux');
  const options = readOptions(args);
  if (options === undefined) {
    console.log(usage);
    return 0;
  }
  const { seconds, rounds, reactors, workers } = options;
  const machine = `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, Node ${process.versions.node}`;
  const servers = `${reactors} reactors and ${workers} workers each`;
  console.log(`${machine}; ${servers}; ${rounds} rounds of ${seconds} s for each mode, in turns; medians`);
  console.log('All clients have one address, so ipHash gives everything to one worker.');
  const contestants = contestantsOf(options);
  for (const echoCase of cases) {
    console.log(`\n${echoCase.name}: ${echoCase.about}`);
    const turns = await measure(
      contestants,
      echoCase,
      { rounds, duration: seconds * 1000, warmUp: WARM_UP_MS },
      () => {},
    );
    const [first] = contestants;
    for (const line of tableLines([header(first!.name), ...summarize(turns, first!.name).map(cells)]))
      console.log(line);
  }
  return 0;
}

function contestantsOf({ modes, reactors, workers }: DispatchOptions): Contestant[] {
  const program = new URL('./dispatch-server.js', import.meta.url);
  return modes.map(({ name }) => ({
    name,
    program,
    args: (prefixed) => [name, prefixed ? 'length' : 'raw', String(reactors), String(workers)],
  }));
}

function header(first: string): string[] {
  return ['mode', 'msg/s', `of ${first}`, 'p50 ms', 'p99 ms', 'server µs/msg', 'cost ×', 'busiest thread'];
}

function cells(summary: Summary): string[] {
  return [
    summary.server,
    Math.round(summary.messagesPerSecond).toLocaleString('en'),
    summary.rateRatio.toFixed(2),
    (summary.p50 / 1000).toFixed(2),
    (summary.p99 / 1000).toFixed(2),
    summary.serverCpu.toFixed(2),
    (1 / summary.cpuRatio).toFixed(2),
    `${Math.round(summary.busiestThread * 100)} %`,
  ];
}
