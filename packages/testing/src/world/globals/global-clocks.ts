import { here } from './process-globals.js';
import type { AnyFunction, Make } from './replacement.js';

/**
 * `Date`, as a proxy: what it makes are ordinary dates with the ordinary
 * prototype, so `instanceof`, subclasses and `structuredClone` work between
 * dates of all origins.
 */
export const date: Make = (real) => {
  const substitute: AnyFunction = new Proxy(real, {
    apply: (target, receiver, values: unknown[]) => {
      const own = here();
      if (own === undefined) return Reflect.apply(target, receiver, values);
      return String(Reflect.construct(target, [own.clock.wallTime()]));
    },
    construct: (target, values: unknown[], asked) => {
      const own = values.length === 0 ? here() : undefined;
      const given = own === undefined ? values : [own.clock.wallTime()];
      return Reflect.construct(target, given, asked === substitute ? target : asked) as object;
    },
  });
  return substitute;
};

/** `Date.now` */
export const wallTime: Make = (real) =>
  function (...values) {
    return here()?.clock.wallTime() ?? Reflect.apply(real, this, values);
  };

/** `performance.now` */
export const monotonicTime: Make = (real) =>
  function (...values) {
    return here()?.clock.now() ?? Reflect.apply(real, this, values);
  };

/** The getter of `performance.timeOrigin`: together with `performance.now()` it tells the wall time. */
export const timeOrigin: Make = (real) =>
  function (...values) {
    return here()?.clock.origin ?? Reflect.apply(real, this, values);
  };
