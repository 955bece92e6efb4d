/** How a virtual machine behaves. Everything not given has the value of an unremarkable Linux machine. */
export interface WorldOptions {
  /** The same seed gives the same run, event for event. Default 1. */
  readonly seed?: number;
  /** Name of the program, for titles. */
  readonly program?: string;
  /** Processors that each process may use. Default 4. */
  readonly cpus?: number;
  /** Files that each process may have open; it is told, and nothing fails beyond. Default 1 048 576. */
  readonly openFiles?: number;
  /** Listening sockets that come with the start of the server, as systemd passes them, with their names. Default none. */
  readonly passedSockets?: readonly { readonly name: string; readonly port: number }[];
  /** Settings from outside of the program, as the environment variable `SHOAL_SETTINGS` has them. Default none. */
  readonly outsideSettings?: Readonly<Record<string, unknown>>;
  /** Whether several threads or processes can listen on one port. Default true. */
  readonly reusePort?: boolean;
  /** Virtual ms of the slowest trip of bytes between a client and a process. Default 1. */
  readonly networkLatency?: number;
  /** Virtual ms of the slowest trip of bytes through a pipe. Default 0.25. */
  readonly pipeLatency?: number;
  /** Bytes that the system keeps per direction of a stream. Default 208 KiB. */
  readonly kernelBuffer?: number;
  /** Probability, 0 to 1, that a read yields only a part of what is there. Default 0.25. */
  readonly fragmentation?: number;
  /** Probability, 0 to 1, that bytes join those that are still on their way. Default 0.25. */
  readonly coalescing?: number;
  /** Virtual ms from spawning a process to its first line, at least and at most. Default 30 and 60. */
  readonly spawnDelay?: readonly [least: number, most: number];
  /** Facts that the trace keeps, at least 2. Default 500 000. */
  readonly traceLimit?: number;
  /** Events after which a single wait counts as a livelock. Default 5 million. */
  readonly maxEventsPerWait?: number;
  /**
   * Whether the global timers, clocks and randomness are those of the world
   * while code of a virtual process runs. Default false.
   *
   * With it these use virtual time, from 2030-01-01T00:00:00Z on, and numbers
   * drawn from the seed, in a sequence of its own for each process and thread:
   * - `setTimeout`, `setInterval`, `setImmediate` and what clears them, as
   *   globals and of `node:timers`; `setTimeout`, `setInterval`, `setImmediate`
   *   and `scheduler` of `node:timers/promises`; `AbortSignal.timeout`;
   * - `Date()`, `new Date()`, `Date.now()`, `performance.now()`, `performance.timeOrigin`;
   * - `Math.random()`, and of the global `crypto` `randomUUID()` and `getRandomValues()`.
   *
   * A timer of a dead process never fires, and what its callback throws ends the
   * process as an uncaught exception does. The test, its runner and its fake
   * timers keep theirs: substitutes are in place only while a test waits for the
   * world, and act only in code of its processes.
   *
   * These stay real:
   * - functions that a module kept in a variable of its own when it was loaded,
   *   as `const { setTimeout } = globalThis`, `promisify(setTimeout)`, what
   *   `require('node:timers')` was taken apart into, or the parent of
   *   `class Stamp extends Date`; names imported from `node:timers` and
   *   `node:timers/promises` do follow;
   * - `process.hrtime`, `process.uptime`, `performance.mark` and `measure`,
   *   `Intl.DateTimeFormat` without a date, `Temporal.Now`, and all of `node:crypto` but its `webcrypto`;
   * - files, sockets, name look-ups, child processes and worker threads, with the
   *   time-outs inside of Node's own modules; and the code that goes on after one
   *   of them, or after the first `import()` of a module, up to the next event of its process;
   * - variables of modules, which all virtual processes share.
   *
   * A promise that a handler settles and a test awaits takes the test into that
   * process, up to its next wait. It is not the default because it replaces
   * globals of the whole realm while a test waits, and cannot reach everything
   * in this list: an application that asks its `Server` for timers needs none of it.
   */
  readonly globals?: boolean;
}

/** What a number may be; `names` are the options. */
interface Bound {
  readonly names: readonly Exclude<keyof WorldOptions, 'outsideSettings' | 'passedSockets'>[];
  readonly least: number;
  readonly most: number;
  readonly whole: boolean;
}

const BOUNDS: readonly Bound[] = [
  { names: ['seed'], least: 0, most: Number.MAX_SAFE_INTEGER, whole: true },
  { names: ['cpus'], least: 1, most: 1024, whole: true },
  { names: ['openFiles'], least: 1, most: Number.MAX_SAFE_INTEGER, whole: true },
  { names: ['networkLatency', 'pipeLatency'], least: 0, most: 3_600_000, whole: false },
  { names: ['kernelBuffer'], least: 1, most: 2 ** 30, whole: true },
  { names: ['fragmentation', 'coalescing'], least: 0, most: 1, whole: false },
  { names: ['traceLimit'], least: 2, most: 2 ** 31, whole: true },
  { names: ['maxEventsPerWait'], least: 1, most: Number.MAX_SAFE_INTEGER, whole: true },
];

function check(options: WorldOptions): void {
  for (const { names, least, most, whole } of BOUNDS)
    for (const name of names) {
      const value = options[name];
      if (value === undefined) continue;
      const fits = typeof value === 'number' && value >= least && value <= most;
      if (fits && (!whole || Number.isSafeInteger(value))) continue;
      throw new Error(
        `${name} is ${String(value)}, and has to be a ${whole ? 'whole ' : ''}number from ${least} to ${most}`,
      );
    }
  const { spawnDelay } = options;
  if (spawnDelay === undefined) return;
  const [least, most] = Array.isArray(spawnDelay) ? (spawnDelay as readonly number[]) : [];
  if (least !== undefined && most !== undefined && least >= 0 && most >= least && most <= 3_600_000) return;
  throw new Error(`spawnDelay is ${String(spawnDelay)}, and has to be [least, most] in virtual ms`);
}

/** Fills in the defaults. Throws an `Error` that names the option which cannot be. */
export function complete(options: WorldOptions): Required<WorldOptions> {
  check(options);
  return {
    seed: options.seed ?? 1,
    program: options.program ?? 'simulation',
    cpus: options.cpus ?? 4,
    openFiles: options.openFiles ?? 1_048_576,
    passedSockets: options.passedSockets ?? [],
    outsideSettings: options.outsideSettings ?? {},
    reusePort: options.reusePort ?? true,
    networkLatency: options.networkLatency ?? 1,
    pipeLatency: options.pipeLatency ?? 0.25,
    kernelBuffer: options.kernelBuffer ?? 212_992,
    fragmentation: options.fragmentation ?? 0.25,
    coalescing: options.coalescing ?? 0.25,
    spawnDelay: options.spawnDelay ?? [30, 60],
    traceLimit: options.traceLimit ?? 500_000,
    maxEventsPerWait: options.maxEventsPerWait ?? 5_000_000,
    globals: options.globals ?? false,
  };
}

/** The names of all options. */
export const worldOptionNames: readonly string[] = Object.keys(complete({}));
