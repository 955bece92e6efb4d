import promised from 'node:timers/promises';
import { promisify } from 'node:util';
import { here } from './process-globals.js';
import type { AnyFunction, Make } from './replacement.js';
import { type Callback, VirtualImmediate, VirtualTimeout } from './virtual-timers.js';

/** The real function is left to complain of a callback that is none. */
function timeout(kind: 'once' | 'repeats'): Make {
  return (real) =>
    function (...values) {
      const timers = here()?.timers;
      const [callback, delay, ...rest] = values;
      if (timers === undefined || typeof callback !== 'function') return Reflect.apply(real, this, values);
      return timers.timeout(callback as Callback, delay, rest, kind);
    };
}

function promisedAs(make: Make, name: 'setTimeout' | 'setImmediate'): Make {
  return (real) =>
    Object.defineProperty(make(real), promisify.custom, { enumerable: true, get: () => promised[name] });
}

export const setTimeout: Make = promisedAs(timeout('once'), 'setTimeout');

export const setInterval: Make = timeout('repeats');

export const setImmediate: Make = promisedAs(
  (real) =>
    function (...values) {
      const timers = here()?.timers;
      const [callback, ...rest] = values;
      if (timers === undefined || typeof callback !== 'function') return Reflect.apply(real, this, values);
      return timers.immediate(callback as Callback, rest);
    },
  'setImmediate',
);

/** For timeouts and intervals, by object or number. */
export const clearTimeout: Make = (real) =>
  function (...values) {
    const timer = timeoutOf(values[0]);
    if (timer === undefined) return Reflect.apply(real, this, values);
    timer.close();
    return undefined;
  };

export const clearImmediate: Make = (real) =>
  function (...values) {
    const [immediate] = values;
    if (!(immediate instanceof VirtualImmediate)) return Reflect.apply(real, this, values);
    immediate[Symbol.dispose]();
    return undefined;
  };

/** `AbortSignal.timeout`. The real function is left to complain of a delay that is none. */
export const abortAfter: Make = (real) =>
  function (...values) {
    const timers = here()?.timers;
    const [delay] = values;
    if (timers === undefined || !isUint32(delay)) return Reflect.apply(real, this, values);
    const controller = new AbortController();
    const abort: AnyFunction = () =>
      controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
    timers.timeout(abort, delay, [], 'once').unref();
    return controller.signal;
  };

function timeoutOf(timer: unknown): VirtualTimeout | undefined {
  if (timer instanceof VirtualTimeout) return timer;
  if (typeof timer !== 'number' && typeof timer !== 'string') return undefined;
  return here()?.timers.known.get(Number(timer));
}

function isUint32(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32;
}
