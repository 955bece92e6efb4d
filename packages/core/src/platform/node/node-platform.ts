import { ConfigError } from '../../errors.js';
import type { Platform, Self, Threads } from '../platform.js';
import { NodeClock } from './clock.js';
import { NodeFiles } from './files.js';
import { NodeLog } from './log.js';
import { NodeNetwork } from './network.js';
import { NodePipes } from './pipes.js';
import { NodeProcesses } from './processes.js';
import { mainSelf, threadSelf } from './self.js';
import { NodeStores } from './store/node-stores.js';
import { Systemd } from './systemd.js';
import { NodeThreads } from './threads.js';
import { FutureUser } from './user.js';
import { appendFacts } from './trace-file.js';

export interface NodePlatformOptions {
  /** The module that every reactor thread runs; it makes its platform with `createThreadPlatform`. */
  readonly threadEntry: URL;
}

/** The real world, for the main thread of a process. Made once per process. */
export function createNodePlatform({ threadEntry }: NodePlatformOptions): Platform {
  if (process.platform === 'win32') {
    throw new ConfigError(
      'CONFIG_PLATFORM',
      'the server needs Linux or macOS: on Windows, run it in WSL or in a container, or test it with simulate()',
    );
  }
  const user = new FutureUser();
  const self = mainSelf(user);
  return assemble(self, user, new NodeThreads(threadEntry, self.program));
}

/** The real world inside a reactor thread, which starts neither processes nor threads. */
export function createThreadPlatform(): Platform {
  const user = new FutureUser();
  const self = threadSelf(user);
  return assemble(self, user, new NodeThreads(undefined, self.program));
}

function assemble(self: Self, user: FutureUser, threads: Threads): Platform {
  const log = new NodeLog(undefined, user);
  const tracePath = process.env['SHOAL_TRACE'];
  return {
    clock: new NodeClock(),
    random: { next: () => Math.random() },
    self,
    processes: new NodeProcesses(log),
    threads,
    network: new NodeNetwork(log),
    pipes: new NodePipes(log),
    files: new NodeFiles(user),
    stores: new NodeStores(),
    log,
    supervisor: new Systemd(log),
    ...(tracePath !== undefined && tracePath !== '' && { observe: appendFacts(tracePath, self) }),
  };
}
