import type { ListenerSettings } from '../config/load.js';
import { ConfigError } from '../errors.js';
import type { PassedSocket } from '../platform/platform.js';

/**
 * Which listener takes which of the sockets that came with the start of the
 * server; undefined for one that binds its own. Sockets are taken by the names of
 * listeners, or, where none is named so, in order, if there are as many.
 *
 * @throws {ConfigError} CONFIG_ACTIVATION
 */
export function descriptorsOf(
  passed: readonly PassedSocket[],
  listeners: readonly Pick<ListenerSettings, 'name'>[],
): readonly (number | undefined)[] {
  const wanted = listeners.map(({ name }) => name);
  const came = passed.map(({ name }) => name);
  const known = came.filter((name) => wanted.includes(name));
  if (known.length === came.length && new Set(came).size === came.length) {
    return wanted.map((name) => passed.find((socket) => socket.name === name)?.descriptor);
  }
  if (known.length === 0 && came.length === wanted.length) return passed.map(({ descriptor }) => descriptor);
  throw new ConfigError(
    'CONFIG_ACTIVATION',
    `${came.length === 1 ? 'the socket' : 'the sockets'} that came with the start, ${came.join(', ')}, and the listeners, ${wanted.join(', ')}, do not fit: give each socket unit the FileDescriptorName of its listener, or make as many of them as there are listeners`,
  );
}
