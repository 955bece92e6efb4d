import type { Constructor } from '@shoal/core/internal/definition';
import { optionalClassDecorator } from './class-decorator.js';
import { ClassMetadata } from './metadata.js';
import { declareScope, type Scope } from './scope.js';

export interface InjectableOptions {
  /**
   * 'process' (default): one instance in each process that needs it.
   * 'connection': one for each connection; `Connection` may be injected.
   * 'transient': a new one for each parameter that asks for it.
   */
  readonly scope?: Scope;
}

const injectables = new ClassMetadata<true>('injectable');

/**
 * Makes TypeScript record the constructor of a class, so that the container can
 * build it. A class needs no other registration: it is built in the processes
 * where something asks for it. An instance with `dispose()` or
 * `[Symbol.asyncDispose]()` is disposed when its scope ends.
 *
 * @throws ConfigError CONFIG_SCOPE for another scope, when the class is declared
 */
export const Injectable = optionalClassDecorator<InjectableOptions>('@Injectable', (type, options) => {
  declareScope('@Injectable', type, options, ['process', 'connection', 'transient']);
  injectables.set(type, true);
});

export function isInjectable(type: Constructor): boolean {
  return injectables.own(type) === true;
}
