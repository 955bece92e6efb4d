/** What the benchmarks of tasks and messages send. */
export interface TaskCase {
  readonly name: string;
  readonly about: string;
  /** What one turn does, in the program of each contestant. */
  readonly turn: Turn;
  /** Goal in tasks or messages a second; undefined where there is none. */
  readonly goal?: number;
}

export interface Turn {
  /**
   * `task`: posted with a callback. `taskWait`: awaited. `pingPong`: a message to another
   * worker and one back. `oneWay`: messages to another worker, as many as it takes.
   * `durable`: enqueued, done and acknowledged; the time is over when the queue is empty.
   */
  readonly kind: 'task' | 'taskWait' | 'pingPong' | 'oneWay' | 'durable';
  /** Of the payload, and of the result or the answer. */
  readonly bytes: number;
  /** `text`: a string. `bytes`: a Buffer. `json`: an object of five fields around a string. */
  readonly payload: 'text' | 'bytes' | 'json';
  /** Tasks or round trips that are on their way at the same time. */
  readonly inFlight: number;
  /** ms. */
  readonly duration: number;
}

const DURATION_MS = 1_000;

function taskCase(
  bytes: number,
  inFlight: number,
  kind: Turn['kind'],
  payload: Turn['payload'],
  goal?: number,
): TaskCase {
  const size = bytes >= 1_024 ? `${bytes / 1_024}KiB` : `${bytes}B`;
  return {
    name: `${kind}-${size}-${payload}-${inFlight}`,
    about: `${size} of ${payload}, ${inFlight} in flight`,
    turn: { kind, bytes, payload, inFlight, duration: DURATION_MS },
    ...(goal !== undefined && { goal }),
  };
}

export const taskCases: readonly TaskCase[] = [
  ...[1, 16, 64].map((inFlight) =>
    taskCase(100, inFlight, 'task', 'text', inFlight === 64 ? 500_000 : undefined),
  ),
  taskCase(100, 64, 'task', 'json'),
  taskCase(100, 64, 'taskWait', 'text'),
  ...[1, 16, 64].map((inFlight) =>
    taskCase(16 * 1_024, inFlight, 'task', 'bytes', inFlight === 64 ? 80_000 : undefined),
  ),
];

/** Through the queue on disk: in flight are those that are not accepted yet. */
export const durableCases: readonly TaskCase[] = [
  taskCase(100, 64, 'durable', 'text'),
  taskCase(100, 1_000, 'durable', 'text', 30_000),
];

export const messageCases: readonly TaskCase[] = [
  taskCase(100, 1, 'pingPong', 'text'),
  taskCase(100, 64, 'pingPong', 'text'),
  taskCase(16 * 1_024, 1, 'pingPong', 'bytes'),
  taskCase(100, 1, 'oneWay', 'text', 900_000),
  taskCase(100, 1, 'oneWay', 'json'),
  taskCase(16 * 1_024, 1, 'oneWay', 'bytes'),
];

/** What one turn of a contestant came to, as its program tells it. */
export interface Outcome {
  readonly done: number;
  /** ms. */
  readonly elapsed: number;
}
