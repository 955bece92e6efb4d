import promised from 'node:timers/promises';
import { here } from './process-globals.js';
import type { AnyFunction, Make } from './replacement.js';
import type { VirtualTimers } from './virtual-timers.js';

/**
 * The functions of `node:timers/promises` on the clock of a process. The real
 * ones are left to refuse: options that are none, and signals that are aborted,
 * so that errors are exactly Node's.
 */
interface Options {
  readonly signal?: AbortSignal;
  readonly ref?: boolean;
}

export const setTimeout: Make = (real) =>
  function (...values) {
    const timers = here()?.timers;
    const [delay, value, options] = values;
    if (timers === undefined || !isAcceptable(options)) return Reflect.apply(real, this, values);
    return settled(options?.signal, value, real, values, (give) => {
      const timer = timers.timeout(give, delay, [], 'once');
      return () => void timer.close();
    });
  };

export const setImmediate: Make = (real) =>
  function (...values) {
    const timers = here()?.timers;
    const [value, options] = values;
    if (timers === undefined || !isAcceptable(options)) return Reflect.apply(real, this, values);
    return settled(options?.signal, value, real, values, (give) => {
      const immediate = timers.immediate(give, []);
      return () => immediate[Symbol.dispose]();
    });
  };

export const setInterval: Make = (real) =>
  function (...values) {
    const timers = here()?.timers;
    return timers === undefined ? Reflect.apply(real, this, values) : ticks(timers, real, values);
  };

/** `scheduler.wait` */
export const wait: Make = (real) =>
  function (...values) {
    if (here() === undefined) return Reflect.apply(real, this, values);
    const [delay, options] = values as [number, Options | null | undefined];
    return promised.setTimeout(delay, undefined, { ...(options?.signal && { signal: options.signal }) });
  };

/** `scheduler.yield` */
export const yieldTurn: Make = (real) =>
  function (...values) {
    return here() === undefined ? Reflect.apply(real, this, values) : promised.setImmediate();
  };

function isAcceptable(options: unknown): options is Options | undefined {
  if (options === undefined) return true;
  if (typeof options !== 'object' || options === null) return false;
  const { signal, ref } = options as { signal?: unknown; ref?: unknown };
  if (ref !== undefined && typeof ref !== 'boolean') return false;
  if (signal === undefined) return true;
  return typeof signal === 'object' && signal !== null && 'aborted' in signal && signal.aborted !== true;
}

function settled(
  signal: AbortSignal | undefined,
  value: unknown,
  real: AnyFunction,
  values: readonly unknown[],
  start: (give: () => void) => () => void,
): Promise<unknown> {
  return new Promise((resolve) => {
    const cancel = start(() => {
      signal?.removeEventListener('abort', refuse);
      resolve(value);
    });
    const refuse = (): void => {
      cancel();
      resolve(Reflect.apply(real, undefined, values));
    };
    signal?.addEventListener('abort', refuse, { once: true });
  });
}

async function* ticks(timers: VirtualTimers, real: AnyFunction, values: readonly unknown[]): AsyncGenerator {
  const [delay, value, options] = values;
  if (isAcceptable(options)) {
    const signal = options?.signal;
    const aborted = (): boolean => signal?.aborted === true;
    let due = 0;
    let wake: (() => void) | undefined;
    const timer = timers.timeout(
      () => {
        due++;
        wake?.();
      },
      delay,
      [],
      'repeats',
    );
    const stop = (): void => {
      timer.close();
      wake?.();
    };
    signal?.addEventListener('abort', stop, { once: true });
    try {
      while (!aborted()) {
        if (due === 0) await new Promise<void>((resolve) => (wake = resolve));
        for (; due > 0; due--) yield value;
      }
    } finally {
      timer.close();
      signal?.removeEventListener('abort', stop);
    }
  }
  yield* Reflect.apply(real, undefined, values) as AsyncIterable<unknown>;
}
