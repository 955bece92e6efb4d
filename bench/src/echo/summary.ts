import { availableParallelism } from 'node:os';
import { median } from '../harness/statistics.js';
import { PLAIN } from './contestants.js';
import type { Turn } from './measure.js';

/** Above this load of its one core the client limits the rate of any server. */
const CLIENT_BOUND = 0.85;
/** Above this load of its busiest thread a server goes no faster. */
const THREAD_BOUND = 0.85;
/** Above this part of all cores, server and client together take what the machine has. */
const MACHINE_BOUND = 0.9;
/** Above this part of all cores, server and client share a core with strangers some of the time. */
const OTHERS_BOUND = 0.1;

/** One server in one case: medians over the rounds. */
export interface Summary {
  readonly server: string;
  readonly messagesPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly serverCpu: number;
  readonly serverLoad: number;
  readonly busiestThread: number;
  readonly clientLoad: number;
  readonly others: number;
  /** Against the plain server, or another that was named: the median of the ratios within a round, which share the machine's mood. */
  readonly rateRatio: number;
  /** The plain server's processor time per message divided by this one's: above 1 is cheaper. */
  readonly cpuRatio: number;
  readonly bound: 'client' | 'server' | 'machine' | 'other programs' | 'waiting';
}

/** `standard` is the server that the others are compared with. */
export function summarize(turns: readonly Turn[], standard = PLAIN): Summary[] {
  const plain = turns.filter(({ server }) => server === standard);
  return [...new Set(turns.map(({ server }) => server))].map((server) => {
    const own = turns.filter((turn) => turn.server === server);
    const middle = (field: Exclude<keyof Turn, 'server'>): number => median(own.map((turn) => turn[field]));
    const against = (ratio: (turn: Turn, plainTurn: Turn) => number): number => {
      return median(
        own.flatMap((turn) => {
          const plainTurn = plain.find(({ round }) => round === turn.round);
          return plainTurn === undefined ? [] : [ratio(turn, plainTurn)];
        }),
      );
    };
    const loads = {
      serverLoad: middle('serverLoad'),
      busiestThread: middle('busiestThread'),
      clientLoad: middle('clientLoad'),
      others: middle('others'),
    };
    return {
      server,
      messagesPerSecond: middle('messagesPerSecond'),
      p50: middle('p50'),
      p99: middle('p99'),
      serverCpu: middle('serverCpu'),
      ...loads,
      rateRatio: against((turn, plainTurn) => turn.messagesPerSecond / plainTurn.messagesPerSecond),
      cpuRatio: against((turn, plainTurn) => plainTurn.serverCpu / turn.serverCpu),
      bound: boundBy(loads),
    };
  });
}

type Loads = Pick<Summary, 'serverLoad' | 'busiestThread' | 'clientLoad' | 'others'>;

/** What kept the rate from being higher; `waiting`: everything had time left, and messages waited for a thread to wake up. */
function boundBy({ serverLoad, busiestThread, clientLoad, others }: Loads): Summary['bound'] {
  const used = (serverLoad + clientLoad) / availableParallelism();
  if (clientLoad > CLIENT_BOUND) return 'client';
  if (busiestThread > THREAD_BOUND) return 'server';
  if (used > MACHINE_BOUND) return 'machine';
  return others > OTHERS_BOUND ? 'other programs' : 'waiting';
}
