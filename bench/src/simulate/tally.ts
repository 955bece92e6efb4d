/** What was counted in measured time. */
export interface Tally {
  /** Boots, or messages that came back whole. */
  count: number;
  /** Real time in ms. */
  elapsed: number;
  /** Processor time of this process in µs, its helper threads (compiler, garbage collector) included. */
  cpu: number;
  /** Events of the simulated worlds. */
  events: number;
}

export function emptyTally(): Tally {
  return { count: 0, elapsed: 0, cpu: 0, events: 0 };
}

/** Runs the work and adds its time to the tally. What it counts it adds itself. */
export async function timed(tally: Tally, work: () => Promise<void>): Promise<void> {
  const before = process.cpuUsage();
  const start = performance.now();
  await work();
  tally.elapsed += performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  tally.cpu += user + system;
}
