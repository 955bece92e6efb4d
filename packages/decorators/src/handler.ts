import type { Constructor } from '@shoal/core/internal/definition';
import { optionalClassDecorator } from './class-decorator.js';
import { ClassMetadata } from './metadata.js';
import { declareScope } from './scope.js';

export interface HandlerOptions {
  /**
   * 'process' (default): one instance serves every connection of its process.
   * 'connection': one instance for each connection, made at its first event in
   * a worker and disposed when it closes or moves to another worker.
   */
  readonly scope?: 'process' | 'connection';
}

const handlers = new ClassMetadata<true>('handler');

/**
 * Declares a class whose methods handle events. It is built, with what its
 * constructor asks for, in each process whose events it handles, and takes part
 * when it is listed in the `handlers` of `@ServerConfig`.
 *
 * @throws ConfigError CONFIG_SCOPE for another scope, when the class is declared
 */
export const Handler = optionalClassDecorator<HandlerOptions>('@Handler', (type, options) => {
  declareScope('@Handler', type, options, ['process', 'connection']);
  handlers.set(type, true);
});

/** Whether exactly this class carries `@Handler`: its base's says nothing about its own constructor. */
export function isHandler(type: Constructor): boolean {
  return handlers.own(type) === true;
}
