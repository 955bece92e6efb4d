import { ConfigError } from '@shoal/core';
import type { Constructor } from '@shoal/core/internal/definition';
import { ClassMetadata } from './metadata.js';
import type { Token } from './provider.js';

const tokens = new ClassMetadata<ReadonlyMap<number, unknown>>('tokens');

/**
 * Names what a constructor parameter receives: `@inject('databaseUrl') url: string`.
 * It needs no emitted metadata: a class whose parameters all carry it can be
 * compiled by esbuild.
 *
 * @throws ConfigError CONFIG_INVALID on anything but a constructor parameter, when the class is declared
 */
export function inject(token: Token) {
  return (target: object, method: string | symbol | undefined, parameter: number): void => {
    if (typeof target !== 'function' || method !== undefined) {
      const type = typeof target === 'function' ? target : target.constructor;
      throw new ConfigError(
        'CONFIG_INVALID',
        `@inject is on a parameter of ${type.name}.${String(method)}. Only constructor parameters are injected.`,
      );
    }
    const type = target as Constructor;
    tokens.set(type, new Map([...(tokens.own(type) ?? []), [parameter, token]]));
  };
}

/** The tokens that `@inject` recorded for exactly this class, by parameter. */
export function injectedTokens(type: Constructor): ReadonlyMap<number, unknown> {
  return tokens.own(type) ?? new Map();
}
