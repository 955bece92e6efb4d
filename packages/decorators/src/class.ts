import type { Constructor } from '@shoal/core/internal/definition';

/** Whether the value can be called with `new`: a class, or a function of the old style. */
export function isClass(value: unknown): value is Constructor {
  return typeof value === 'function' && isConstructor(value);
}

/** Classes of the language itself (Object, Map, Promise …), of which an instance says nothing about what is meant. */
export function isBuiltIn(type: Constructor): boolean {
  return /\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(type));
}

/** Arrow functions and methods have no `prototype`; generators and async functions have none that is theirs. */
function isConstructor(value: object): boolean {
  const { prototype } = value as { prototype?: { constructor?: unknown } };
  return typeof prototype === 'object' && prototype !== null && Object.hasOwn(prototype, 'constructor');
}
