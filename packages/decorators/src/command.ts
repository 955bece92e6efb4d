import { ConfigError, type CommandPlace } from '@shoal/core';
import { show } from '@shoal/core/internal/config/show';
import type { Decorated, MethodMarker } from './method-decorator.js';
import { subscribe } from './registrations.js';

export interface CommandOptions {
  /**
   * 'workers' (default): in the worker or task worker that is asked. 'master',
   * 'manager': there, where the class is built for it then. In a class with
   * `@Process` it is left out.
   */
  readonly on?: CommandPlace;
}

const places: readonly CommandPlace[] = ['workers', 'master', 'manager'];

/**
 * Answers a command that some process of the server sends with
 * `server.command(name, target, data)`: the method is called with a structured
 * clone of the data, and what it returns or throws goes back.
 *
 * @throws ConfigError CONFIG_INVALID for an empty name or a place that there is not, when the class is declared
 */
export function OnCommand(
  name: string,
  options: CommandOptions = {},
): MethodMarker<(data: never) => unknown> {
  if (typeof name !== 'string' || name === '') {
    throw new ConfigError(
      'CONFIG_INVALID',
      `@OnCommand was given ${show(name)} as its name. Write what it is asked by: @OnCommand('refresh').`,
    );
  }
  const { on, stranger } = readOptions(options);
  if (stranger !== undefined) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `@OnCommand('${name}') was given ${stranger}. It takes { on: ${places.map((place) => `'${place}'`).join(' | ')} }.`,
    );
  }
  const command = { name, ...(on !== undefined && { on }) };
  return (...decorated: Decorated) =>
    subscribe('@OnCommand', decorated, { kind: 'event', event: 'command', command });
}

function readOptions(options: CommandOptions): { on?: CommandPlace; stranger?: string } {
  if (typeof options !== 'object' || options === null) return { stranger: show(options) };
  const stranger = Object.keys(options).find((key) => key !== 'on');
  if (stranger !== undefined) return { stranger: `the option '${stranger}'` };
  const { on } = options;
  if (on === undefined) return {};
  return places.includes(on) ? { on } : { stranger: `on: ${show(on)}` };
}
