/**
 * The datagram benchmark: process mode, base mode and a plain node:dgram server
 * get the same load in turns, round by round, so that what else the machine does
 * hits all of them alike. Prints the medians of packets per second, and of
 * the processor time for each.
 */
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { positive, wholePositive } from '../harness/arguments.js';
import { Program } from '../harness/program.js';
import { median } from '../harness/statistics.js';
import { tableLines } from '../harness/table.js';
import { loadWithDatagrams, type DatagramFigures } from './datagram-load.js';

const usage = `Usage: npm run bench -- udp [options]
  --rounds <n>     turns of each server (5)
  --seconds <n>    measured time of a turn (3)
  --sockets <n>    clients (10)
  --inflight <n>   datagrams that each client has on their way (10)
  --bytes <n>      of each datagram (64)`;

/** Unmeasured time before each turn, in ms. */
const WARM_UP_MS = 300;
/** How long a server may take to listen, in ms. */
const START_MS = 20_000;

const PLAIN = 'node:dgram';
const plain = new URL('./plain-server.js', import.meta.url);
const shoal = new URL('./shoal-server.js', import.meta.url);

/** In the order in which they take their turns. */
const contestants = [
  { name: PLAIN, program: plain, args: [] },
  { name: 'process', program: shoal, args: ['process'] },
  { name: 'base', program: shoal, args: ['base'] },
] as const;

export async function udp(args: string[]): Promise<number> {
  const string = { type: 'string' } as const;
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean' },
      rounds: { ...string, default: '5' },
      seconds: { ...string, default: '3' },
      sockets: { ...string, default: '10' },
      inflight: { ...string, default: '10' },
      bytes: { ...string, default: '64' },
    },
  });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const rounds = wholePositive('rounds', values.rounds);
  const seconds = positive('seconds', values.seconds);
  const load = {
    sockets: wholePositive('sockets', values.sockets),
    inFlight: wholePositive('inflight', values.inflight),
    bytes: wholePositive('bytes', values.bytes),
  };
  const machine = `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, Node ${process.versions.node}`;
  console.log(
    `${machine}; ${rounds} rounds of ${seconds} s for each server, in turns; ${load.sockets} clients with ` +
      `${load.inFlight} datagrams of ${load.bytes} bytes in flight; medians`,
  );
  const servers = contestants.map(({ name, program, args: own }) => {
    return { name, program: new Program(`the ${name} server`, program, own), turns: [] as DatagramFigures[] };
  });
  try {
    const ports = await Promise.all(servers.map(async ({ program }) => portOf(program)));
    for (let round = 0; round < rounds; round++)
      for (const [index, { program, turns }] of servers.entries()) {
        const toThis = { ...load, port: ports[index]! };
        turns.push(await loadWithDatagrams(toThis, program.pid, WARM_UP_MS, seconds * 1000));
      }
  } finally {
    await Promise.all(servers.map(async ({ program }) => program.leave()));
  }
  const rate = ({ answers, elapsed }: DatagramFigures): number => (answers / elapsed) * 1000;
  const yardstick = median(servers[0]!.turns.map(rate));
  const rows = servers.map(({ name, turns }) => {
    const packets = median(turns.map(rate));
    const lost = turns.reduce((sum, turn) => sum + turn.lost, 0);
    return [
      name,
      `${Math.round(packets).toLocaleString('en')} packets/s`,
      `${(packets / yardstick).toFixed(2)} of ${PLAIN}`,
      `${median(turns.map(({ cpu, answers }) => cpu / answers)).toFixed(1)} µs of CPU`,
      `${lost} lost`,
    ];
  });
  for (const line of tableLines(rows)) console.log(line);
  return 0;
}

async function portOf(program: Program): Promise<number> {
  return program.next('port', START_MS, (message) => (message as { port?: number }).port);
}
