/**
 * Keeps two processes from having one store.
 *
 * On Linux the lock is a unix socket with an abstract name: the system frees it
 * with the process, however that dies. The name comes from the device and the
 * number of the directory, so that it is the same by whatever path. Containers
 * with networks of their own do not see each other's: one of them has the
 * volume, as with any file that one process owns.
 *
 * Elsewhere the pid in the file `owner` is the lock, and a process that does not
 * live has lost it.
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { ConfigError } from '../../../errors.js';
import { identify } from '../process-identity.js';

export interface StoreLock {
  release(): Promise<void>;
}

/** @throws {ConfigError} CONFIG_QUEUE_DIRECTORY that names the owner. */
export async function lockStore(directory: string): Promise<StoreLock> {
  return process.platform === 'linux' ? lockByName(directory) : lockByPid(directory);
}

async function lockByName(directory: string): Promise<StoreLock> {
  const { dev, ino } = statSync(directory, { bigint: true });
  const server = createServer((socket) => socket.destroy());
  try {
    await bind(server, `\0shoal-store-${dev}-${ino}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') throw taken(directory);
    throw error;
  }
  server.unref();
  sign(directory);
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

function bind(server: Server, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(name, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

const held = new Set<string>();

async function lockByPid(directory: string): Promise<StoreLock> {
  const owner = ownerOf(directory);
  const stranger = owner !== undefined && owner.pid !== process.pid ? identify(owner.pid) : undefined;
  if (held.has(directory) || (stranger !== undefined && stranger.startedAt === owner?.startedAt))
    throw taken(directory);
  held.add(directory);
  sign(directory);
  return {
    release: async () => {
      held.delete(directory);
    },
  };
}

/** Says who has the store, to whoever comes next. */
function sign(directory: string): void {
  const startedAt = identify(process.pid)?.startedAt ?? '';
  writeFileSync(join(directory, 'owner'), `${process.pid} ${startedAt}\n`, { mode: 0o600 });
}

function ownerOf(directory: string): { readonly pid: number; readonly startedAt: string } | undefined {
  try {
    const [pid = '', startedAt = ''] = readFileSync(join(directory, 'owner'), 'utf8').trim().split(' ');
    return { pid: Number(pid), startedAt };
  } catch {
    return undefined;
  }
}

function taken(directory: string): ConfigError {
  const pid = ownerOf(directory)?.pid;
  const owner = pid === undefined ? 'another process' : `process ${pid}`;
  return new ConfigError(
    'CONFIG_QUEUE_DIRECTORY',
    `${directory} belongs to ${owner}, which runs: stop that server, or give this one another messageQueueKey`,
  );
}
