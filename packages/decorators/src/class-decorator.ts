import { ConfigError } from '@shoal/core';
import { show } from '@shoal/core/internal/config/show';
import type { Constructor } from '@shoal/core/internal/definition';

/** Marks one class. */
export type ClassMarker = (type: Constructor) => void;

/** `@Handler`, `@Handler()` and `@Handler({ scope: 'connection' })`. */
export interface OptionalClassDecorator<Options extends object> {
  (options?: Options): ClassMarker;
  (type: Constructor): void;
}

/** A class decorator that works bare and called. */
export function optionalClassDecorator<Options extends object>(
  name: string,
  mark: (type: Constructor, options: Partial<Options>) => void,
): OptionalClassDecorator<Options> {
  return ((given?: Options | Constructor) => {
    if (typeof given === 'function') return mark(given, {});
    if (given !== undefined && (typeof given !== 'object' || given === null)) {
      throw new ConfigError(
        'CONFIG_INVALID',
        `${name} was given ${show(given)}. It takes nothing, or options.`,
      );
    }
    return (type: Constructor) => mark(type, given ?? {});
  }) as OptionalClassDecorator<Options>;
}
