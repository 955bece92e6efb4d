import { ConfigError } from '@shoal/core';
import { show } from '@shoal/core/internal/config/show';
import type { Constructor } from '@shoal/core/internal/definition';
import { ClassMetadata } from './metadata.js';

/**
 * How long the container keeps an instance: one for each process, one for each
 * connection, or a new one for each place it is injected.
 */
export type Scope = 'process' | 'connection' | 'transient';

const scopes = new ClassMetadata<Scope>('scope');

/** Records the scope that a class decorator names; without one, that of the base class stays. */
export function declareScope(
  decorator: string,
  type: Constructor,
  options: { readonly scope?: Scope },
  allowed: readonly Scope[],
): void {
  const { scope } = options;
  if (scope === undefined) return;
  if (!allowed.includes(scope)) {
    throw new ConfigError(
      'CONFIG_SCOPE',
      `${decorator} on ${type.name} was given ${show(scope)} as its scope. ` +
        `Write ${allowed.map((word) => `'${word}'`).join(' or ')}.`,
    );
  }
  scopes.set(type, scope);
}

/** The scope that the class or the nearest of its bases declares. */
export function declaredScope(type: Constructor): Scope | undefined {
  return scopes.inherited(type);
}
