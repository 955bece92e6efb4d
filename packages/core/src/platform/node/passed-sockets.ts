import { fstatSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import type { PassedSocket } from '../platform.js';

/** systemd passes sockets from this descriptor on. */
const firstDescriptor = 3;

type Environment = Record<string, string | undefined>;

/**
 * What systemd passes to a process that it starts for the sake of a socket: how
 * many, to whom, and under which names. The variables are taken out when this
 * module is loaded, so that nothing the server starts believes in them too.
 */
export const passedSockets = isMainThread ? takePassedSockets(process.env, process.pid) : [];

export function takePassedSockets(environment: Environment, pid: number): readonly PassedSocket[] {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = '' } = environment;
  if (LISTEN_PID !== String(pid)) return [];
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID'])
    delete environment[name];
  const count = Number(LISTEN_FDS);
  if (!Number.isSafeInteger(count) || count <= 0) return [];
  const names = LISTEN_FDNAMES.split(':');
  return Array.from({ length: count }, (_, index) => {
    return { name: names[index] || 'unknown', descriptor: firstDescriptor + index };
  });
}

/**
 * Where no socket was passed after all, the descriptor may be one of Node's own,
 * which would not survive that somebody listens on it. Throws as the system would.
 */
export function requireSocket(descriptor: number): void {
  let isSocket = false;
  try {
    isSocket = fstatSync(descriptor).isSocket();
  } catch {
    // It is not open at all.
  }
  if (isSocket) return;
  throw Object.assign(new Error(`descriptor ${descriptor}, which came with the start, is no socket`), {
    code: 'ENOTSOCK',
  });
}
