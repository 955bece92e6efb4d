import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { ConfigError, codeOf } from '../../../errors.js';
import type { Store, StorePlace, Stores } from '../../platform.js';
import type { LmdbStore } from './lmdb-store.js';

/** Its parts are loaded with the first store: few processes ever open one. */
export class NodeStores implements Stores {
  async open({ parent = stateDirectory(), name, syncInterval }: StorePlace): Promise<Store> {
    const directory = join(parent, name);
    const { LmdbStore } = await import('./lmdb-store.js');
    const { makeDurableDirectory } = await import('./durable-directory.js');
    const { lockStore } = await import('./store-lock.js');
    try {
      makeDurableDirectory(directory);
      const lock = await lockStore(directory);
      try {
        return new LockedStore(await LmdbStore.open(directory, syncInterval), lock);
      } catch (error) {
        await lock.release();
        throw error;
      }
    } catch (error) {
      throw refusal(directory, error);
    }
  }
}

/** Leaves the store to others when it is closed. */
class LockedStore implements Store {
  readonly path: string;
  readonly commit: Store['commit'];
  readonly get: Store['get'];
  readonly keys: Store['keys'];

  constructor(
    private readonly store: LmdbStore,
    private readonly lock: { release(): Promise<void> },
  ) {
    this.path = store.path;
    this.commit = (changes) => store.commit(changes);
    this.get = (key) => store.get(key);
    this.keys = () => store.keys();
  }

  async close(): Promise<void> {
    try {
      await this.store.close();
    } finally {
      await this.lock.release();
    }
  }
}

/** What systemd names for a service, or what the user has for such files; both survive a restart of the machine. */
function stateDirectory(): string {
  const [service] = (process.env['STATE_DIRECTORY'] ?? '').split(':');
  if (service !== undefined && service !== '') return service;
  const state = process.env['XDG_STATE_HOME'];
  if (state !== undefined && state.startsWith('/')) return join(state, 'shoal');
  if (process.geteuid?.() === 0) return '/var/lib/shoal';
  return join(home(), '.local', 'state', 'shoal');
}

/** That of the user which this process has become, not of the one in its environment. */
function home(): string {
  try {
    return userInfo().homedir;
  } catch {
    return homedir();
  }
}

function refusal(directory: string, error: unknown): unknown {
  if (['CONFIG_QUEUE_DIRECTORY', 'QUEUE_DAMAGED'].includes(codeOf(error))) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new ConfigError(
    'CONFIG_QUEUE_DIRECTORY',
    `cannot keep a queue in ${directory}: ${reason}. Name another queueDirectory, or let this user write there`,
    { cause: error },
  );
}
