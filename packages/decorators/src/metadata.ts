/**
 * The only file that touches Reflect metadata. Each decorator family keeps what
 * it records under a key of its own; the types that TypeScript emits for
 * constructor parameters are read here too.
 */
import { createRequire } from 'node:module';
import type * as Metadata from 'reflect-metadata';
import type { Constructor } from '@shoal/core/internal/definition';

// An import of a CommonJS module has its text searched for exports first, which takes longer than to run it.
createRequire(import.meta.url)('reflect-metadata') as typeof Metadata;

/** A value that decorators attach to a class. */
export class ClassMetadata<Value> {
  readonly #key: symbol;

  /** Keys are global symbols, so that two copies of this package in one tree understand each other. */
  constructor(name: string) {
    this.#key = Symbol.for(`shoal:${name}`);
  }

  /** What was recorded on exactly this class. */
  own(type: Constructor): Value | undefined {
    return Reflect.getOwnMetadata(this.#key, type) as Value | undefined;
  }

  /** What was recorded on this class or else on the nearest of its bases. */
  inherited(type: Constructor): Value | undefined {
    return Reflect.getMetadata(this.#key, type) as Value | undefined;
  }

  set(type: Constructor, value: Value): void {
    Reflect.defineMetadata(this.#key, value, type);
  }
}

/**
 * The parameter types that `emitDecoratorMetadata` recorded for the constructor
 * of exactly this class; undefined when the class carries no decorator, declares
 * no constructor, or was compiled by a tool that drops them, as esbuild does.
 */
export function emittedParameterTypes(type: Constructor): readonly unknown[] | undefined {
  return Reflect.getOwnMetadata('design:paramtypes', type) as readonly unknown[] | undefined;
}

/** What the parameter decorators of tsyringe recorded for exactly this class, by parameter. */
export function tsyringeTokens(type: Constructor): Readonly<Record<number, unknown>> | undefined {
  return Reflect.getOwnMetadata('injectionTokens', type) as Readonly<Record<number, unknown>> | undefined;
}
