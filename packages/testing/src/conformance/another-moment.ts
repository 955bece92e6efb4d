/** Years ahead, and no whole number of any unit. */
const AHEAD_MS = 1e11 + 1_234_567;

/**
 * Runs something synchronous as it would run at another time: `Date`,
 * `performance.now` and `process.hrtime.bigint` are years ahead meanwhile.
 */
export function inAnotherMoment<Result>(run: () => Result): Result {
  const RealDate = Date;
  const now = performance.now.bind(performance);
  const { bigint } = process.hrtime;
  class LaterDate extends RealDate {
    constructor(...given: unknown[]) {
      super(...((given.length === 0 ? [LaterDate.now()] : given) as [number]));
    }

    static override now(): number {
      return RealDate.now() + AHEAD_MS;
    }
  }
  const restore = [
    replace(globalThis, 'Date', LaterDate),
    replace(performance, 'now', () => now() + AHEAD_MS),
    replace(process.hrtime, 'bigint', () => bigint() + BigInt(AHEAD_MS) * 1_000_000n),
  ];
  try {
    return run();
  } finally {
    for (const undo of restore) undo();
  }
}

/** Puts a value in the place of a property; the function that it returns undoes that. */
function replace(holder: object, name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(holder, name);
  Object.defineProperty(holder, name, { configurable: true, writable: true, value });
  return () => {
    if (before === undefined) Reflect.deleteProperty(holder, name);
    else Object.defineProperty(holder, name, before);
  };
}
