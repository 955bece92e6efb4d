/** How a virtual machine behaves. Everything not given has the value of an unremarkable Linux machine. */
export interface WorldOptions {
  /** The same seed gives the same run, event for event. Default 1. */
  readonly seed?: number;
  /** Name of the program, for titles. */
  readonly program?: string;
  /** Processors that each process may use. Default 4. */
  readonly cpus?: number;
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
  /** Events after which a single wait counts as a livelock. Default 5 million. */
  readonly maxEventsPerWait?: number;
}

export function complete(options: WorldOptions): Required<WorldOptions> {
  return {
    seed: options.seed ?? 1,
    program: options.program ?? 'simulation',
    cpus: options.cpus ?? 4,
    reusePort: options.reusePort ?? true,
    networkLatency: options.networkLatency ?? 1,
    pipeLatency: options.pipeLatency ?? 0.25,
    kernelBuffer: options.kernelBuffer ?? 212_992,
    fragmentation: options.fragmentation ?? 0.25,
    coalescing: options.coalescing ?? 0.25,
    spawnDelay: options.spawnDelay ?? [30, 60],
    maxEventsPerWait: options.maxEventsPerWait ?? 5_000_000,
  };
}
