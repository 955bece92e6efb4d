/** What the container knows of the parameters with which a class is built. */
import type { Constructor } from '@shoal/core/internal/definition';
import { sourceParameters, type SourceParameter } from './constructor-source.js';
import { injectedTokens } from './inject.js';
import { emittedParameterTypes, tsyringeTokens } from './metadata.js';

export interface Parameter {
  /** Counted from 1, as messages do. */
  readonly position: number;
  readonly name: string | undefined;
  readonly hasDefault: boolean;
  /**
   * What it asks for. `named` tokens come from `@inject`, `typed` ones are the
   * emitted type; `unknown` means that nothing was recorded for it.
   */
  readonly source: 'named' | 'typed' | 'unknown';
  readonly token: unknown;
}

/**
 * The parameters of the constructor that `new type()` runs, which may be that of
 * a base class. Nothing is injected into a rest parameter that does not ask for it.
 */
export function constructorParameters(type: Constructor): readonly Parameter[] {
  const owner = constructorOwner(type);
  const written = sourceParameters(owner) ?? [];
  const types = emittedParameterTypes(owner);
  const tokens = namedTokens(owner);
  const rest = written.findIndex(({ isRest }) => isRest);
  const typed = rest === -1 ? (types?.length ?? 0) : rest;
  const count = Math.max(owner.length, typed, ...[...tokens.keys()].map((index) => index + 1));
  return Array.from({ length: count }, (_, index) => {
    const { name, hasDefault = true }: Partial<SourceParameter> = written[index] ?? {};
    // `length` counts what comes before the first default, and is exact.
    const place = { position: index + 1, name, hasDefault: hasDefault && index >= owner.length };
    if (tokens.has(index)) return { ...place, source: 'named', token: tokens.get(index) };
    if (types !== undefined) return { ...place, source: 'typed', token: types[index] };
    return { ...place, source: 'unknown', token: undefined };
  });
}

/** The class itself, or the nearest base that declares a constructor when this one declares none. */
function constructorOwner(type: Constructor): Constructor {
  for (let level = type; ;) {
    if (emittedParameterTypes(level) !== undefined || namedTokens(level).size > 0) return level;
    // A constructor that only passes `...args` on, as wrapping decorators write it, asks for what its base asks.
    const written = sourceParameters(level);
    if (written !== undefined && written[0]?.isRest !== true) return level;
    const base: unknown = Object.getPrototypeOf(level);
    if (typeof base !== 'function' || base === Function.prototype) return type;
    level = base as Constructor;
  }
}

/** By index: what `@inject` names, ours or that of tsyringe. */
function namedTokens(type: Constructor): ReadonlyMap<number, unknown> {
  const theirs = Object.entries(tsyringeTokens(type) ?? {});
  return new Map([
    ...theirs.map(([index, recorded]) => [Number(index), plainToken(recorded)] as const),
    ...injectedTokens(type),
  ]);
}

/** tsyringe wraps the token of a plain `inject()`; what else it wraps is not a token to us, and is refused by name. */
function plainToken(recorded: unknown): unknown {
  const isPlain =
    typeof recorded === 'object' &&
    recorded !== null &&
    'token' in recorded &&
    !('transform' in recorded) &&
    'multiple' in recorded &&
    recorded.multiple === false;
  return isPlain ? recorded.token : recorded;
}
