/** Lets servers take turns under one load, and measures each turn. */
import { availableParallelism } from 'node:os';
import { cpuOfMachine, cpuOfThreads, cpuOfTree } from '../harness/process-tree.js';
import { LoadClient } from '../load/load-client.js';
import type { EchoCase } from './cases.js';
import { RunningContestant, type Contestant } from './contestants.js';

/** One server, one turn. */
export interface Turn {
  readonly server: string;
  readonly round: number;
  readonly messagesPerSecond: number;
  /** Round trips in µs. */
  readonly p50: number;
  readonly p99: number;
  /** Processor time per message in µs: all processes and threads of the server together. */
  readonly serverCpu: number;
  /** In processors: 1 is one core all the time. */
  readonly serverLoad: number;
  /** Of the server's busiest thread: at 1 it limits the server, whatever other cores do. */
  readonly busiestThread: number;
  readonly clientLoad: number;
  /** What other programs and other machines used, as a part of the whole machine. */
  readonly others: number;
}

export interface MeasureOptions {
  readonly rounds: number;
  /** Measured time of a turn, in ms. */
  readonly duration: number;
  /** Unmeasured time before it; before a server's first turn three times as long. */
  readonly warmUp: number;
}

/** All turns of one case, round by round. Every server is checked byte by byte before it is measured. */
export async function measure(
  contestants: readonly Contestant[],
  echoCase: EchoCase,
  options: MeasureOptions,
  progress: (turn: Turn) => void,
): Promise<Turn[]> {
  const servers: RunningContestant[] = [];
  const client = new LoadClient();
  try {
    for (const contestant of contestants) {
      const server = await RunningContestant.start(contestant, echoCase.load.prefixed);
      servers.push(server);
      const checked = { ...echoCase.load, ...(echoCase.unordered && { inFlight: 1 }), port: server.port };
      await client.check(checked).catch((error: unknown) => {
        throw new Error(`the echo of ${server.name} is wrong: ${String(error)}`, { cause: error });
      });
    }
    const turns: Turn[] = [];
    for (let round = 1; round <= options.rounds; round++) {
      for (const server of servers) {
        const turn = await measureTurn(client, server, echoCase, round, options);
        turns.push(turn);
        progress(turn);
      }
    }
    return turns;
  } finally {
    await Promise.all([client.leave(), ...servers.map((server) => server.leave())]);
  }
}

async function measureTurn(
  client: LoadClient,
  server: RunningContestant,
  echoCase: EchoCase,
  round: number,
  { duration, warmUp }: MeasureOptions,
): Promise<Turn> {
  const sample = (): Sample => ({
    at: performance.now(),
    server: cpuOfTree(server.pid),
    threads: cpuOfThreads(server.pid),
    ours: cpuOfTree(process.pid),
    machine: cpuOfMachine(),
  });
  let before!: Sample;
  let after!: Sample;
  const load = { ...echoCase.load, port: server.port };
  const figures = await client.run(
    load,
    round === 1 ? warmUp * 3 : warmUp,
    duration,
    () => (before = sample()),
    () => (after = sample()),
  );
  const elapsed = (after.at - before.at) * 1000;
  const serverTime = after.server - before.server;
  const strange = after.machine - before.machine - (after.ours - before.ours);
  return {
    server: server.name,
    round,
    messagesPerSecond: (figures.messages / figures.elapsed) * 1000,
    p50: figures.p50,
    p99: figures.p99,
    serverCpu: serverTime / figures.messages,
    serverLoad: serverTime / elapsed,
    busiestThread: most(before.threads, after.threads) / elapsed,
    clientLoad: figures.cpu / (figures.elapsed * 1000),
    others: Math.max(0, strange) / elapsed / availableParallelism(),
  };
}

interface Sample {
  readonly at: number;
  readonly server: number;
  readonly threads: ReadonlyMap<number, number>;
  readonly ours: number;
  readonly machine: number;
}

/** The processor time of the thread that had most of it in between. */
function most(before: Sample['threads'], after: Sample['threads']): number {
  return Math.max(0, ...[...after].map(([thread, cpu]) => cpu - (before.get(thread) ?? 0)));
}
