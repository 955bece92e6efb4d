export type AnyFunction = (this: unknown, ...values: unknown[]) => unknown;

/** Makes what stands for `real`: it does the same, except in a virtual process that has its own. */
export type Make = (real: AnyFunction) => AnyFunction;

/** Kept for good: what a module has taken meanwhile goes on working, and a function in two places stays one. */
const substitutes = new WeakMap<AnyFunction, AnyFunction>();
const originals = new WeakMap<AnyFunction, AnyFunction>();

/**
 * Puts a substitute in the place of a function or getter, and gives what puts
 * the original back. What somebody else has put there in the meantime stays.
 */
export function replace(holder: object, key: PropertyKey, make: Make): (() => void) | undefined {
  const found = Object.getOwnPropertyDescriptor(holder, key);
  if (found?.configurable !== true) return undefined;
  const slot = 'value' in found ? 'value' : 'get';
  const present = found[slot] as unknown;
  if (typeof present !== 'function') return undefined;
  // Fake timers of a test may have put a substitute back after its time.
  const real = originals.get(present as AnyFunction) ?? (present as AnyFunction);
  const substitute = substituteOf(real, make);
  Object.defineProperty(holder, key, { ...found, [slot]: substitute });
  return () => {
    const last = Object.getOwnPropertyDescriptor(holder, key);
    if (last?.[slot] === substitute) Object.defineProperty(holder, key, { ...last, [slot]: real });
  };
}

function substituteOf(real: AnyFunction, make: Make): AnyFunction {
  const known = substitutes.get(real);
  if (known !== undefined) return known;
  const substitute = make(real);
  substitutes.set(real, substitute);
  originals.set(substitute, real);
  return substitute;
}

/** The object that has the property itself: this one, or one of its prototypes. */
export function holderOf(object: object | undefined, key: PropertyKey): object | undefined {
  let holder: object | null | undefined = object;
  while (holder != null && !Object.hasOwn(holder, key))
    holder = Object.getPrototypeOf(holder) as object | null;
  return holder ?? undefined;
}
