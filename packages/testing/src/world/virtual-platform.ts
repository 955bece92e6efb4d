import type {
  BoundListener,
  ByteStream,
  Child,
  Clock,
  Cpus,
  Fact,
  Files,
  Listener,
  LogRecord,
  Message,
  Network,
  Pipes,
  Platform,
  Processes,
  ProcessIdentity,
  Random,
  Self,
  Stores,
  SupervisedState,
  Supervisor,
  Thread,
  Threads,
} from '@shoal/core/internal/platform/platform';
import { ConfigError } from '@shoal/core/internal/errors';
import { examineTls } from '@shoal/core/internal/platform/node/tls/examine';
import type { Actor } from './actor.js';
import type { BlockTraces } from './block-traces.js';
import { VirtualDatagramSocket, type VirtualDatagrams } from './virtual-datagrams.js';
import { VirtualBound, VirtualSocket } from './virtual-socket.js';
import { VirtualClock } from './virtual-clock.js';
import { VirtualLog } from './virtual-log.js';
import { systemError } from './medium.js';
import { GRAIN, type Scheduler } from './scheduler.js';
import type { VirtualFiles } from './virtual-files.js';
import type { VirtualNetwork } from './virtual-network.js';
import type { VirtualPipes } from './virtual-pipes.js';
import type { VirtualStores } from './virtual-stores.js';
import { VirtualTlsServer } from './tls/tls-server.js';
import { VirtualProcess, type VirtualThreadLife } from './life.js';

/** What one process needs of the machine that it runs on. */
export interface Machine {
  readonly scheduler: Scheduler;
  readonly network: VirtualNetwork;
  readonly datagrams: VirtualDatagrams;
  readonly pipes: VirtualPipes;
  readonly files: VirtualFiles;
  readonly stores: VirtualStores;
  readonly blockTraces: BlockTraces;
  readonly program: string;
  readonly cpus: Cpus;
  readonly openFiles: number;
  readonly outsideSettings: object;
  spawnProcess(spawner: VirtualProcess | VirtualThreadLife, assignment: Message, title: string): Child;
  spawnThread(spawner: VirtualProcess | VirtualThreadLife, assignment: Message, name: string): Thread;
  isServer(pid: number): boolean;
  identify(pid: number): ProcessIdentity | undefined;
  killExactly(identity: ProcessIdentity, signal: 'SIGKILL' | 'SIGTERM'): boolean;
  setTitle(life: VirtualProcess | VirtualThreadLife, title: string): void;
  setUser(pid: number, user: string): void;
  notified(pid: number, state: SupervisedState, status: string): void;
  log(pid: number, record: LogRecord): void;
  observe(life: VirtualProcess | VirtualThreadLife, fact: Fact): void;
}

/** The seam as one virtual process or thread sees it. Nothing here acts for the dead. */
export function virtualPlatform(
  machine: Machine,
  life: VirtualProcess | VirtualThreadLife,
  random: Random,
): Platform {
  const { actor } = life;
  const { scheduler } = machine;

  /** A promise of the platform: it settles in an event of its owner, or never. */
  function later<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      scheduler.after(GRAIN, actor, () => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  let preparedUser: string | undefined;
  const self: Self = {
    pid: life.pid,
    get title() {
      return life.title;
    },
    assignment: life.assignment,
    parent: life.parentLink,
    program: machine.program,
    invocation: { execPath: 'node', execArgv: [], argv: [machine.program], cwd: '/' },
    cpus: machine.cpus,
    openFiles: machine.openFiles,
    vitals: () => ({ rss: life.rss, loopLagP99: 0 }),
    directory: '/srv',
    daemonize: async () => {},
    started: () => {},
    prepareUser: (user) => {
      preparedUser = user;
    },
    becomeUser: () => {
      if (actor.alive && preparedUser !== undefined) machine.setUser(life.pid, preparedUser);
    },
    outsideSettings: machine.outsideSettings,
    setTitle: (title) => {
      if (actor.alive) machine.setTitle(life, title);
    },
    onSignal: (signal, run) => actor.onSignal(signal, run),
    onUncaught: (run) => actor.onUncaught(run),
    // A thread is not watched.
    traceBlocks: (afterMs, path) => {
      if (actor.alive && life instanceof VirtualProcess) machine.blockTraces.watch(life, afterMs, path);
    },
    exit: (code) => {
      if (actor.alive) life.exit(code);
    },
  };

  const processes: Processes = {
    spawn: (assignment, title) => machine.spawnProcess(life, assignment, title),
    identify: (pid) => (actor.alive ? machine.identify(pid) : undefined),
    isServer: (pid) => machine.isServer(pid),
    kill: (identity, signal) => actor.alive && machine.killExactly(identity, signal),
  };

  const threads: Threads = { spawn: (assignment, name) => machine.spawnThread(life, assignment, name) };

  const network: Network = {
    reusePort: machine.network.reusePort,
    passed: life.assignment === undefined ? machine.network.passed : [],
    listen: (options, accept) =>
      later(() =>
        machine.network.open(options, (socket) =>
          socket.accept(actor, accept, options.descriptor === undefined),
        ),
      ),
    bind: (options) =>
      later(() => machine.network.open(options, (socket) => new VirtualBound(socket, actor))),
    adopt: (bound, _options, accept) => later(() => adopt(bound, actor, accept)),
    examineTls,
    // Every handshake of this world is a whole one.
    ticketKeys: () => '',
    tlsServer: (material) => new VirtualTlsServer(material),
    openDatagrams: (options, events) =>
      later(() => machine.datagrams.bind(options).read(actor, machine.datagrams, events)),
    bindDatagrams: (options) => later(() => new VirtualBound(machine.datagrams.bind(options), actor)),
    adoptDatagrams: (bound, _options, events) =>
      later(() => {
        if (!(bound instanceof VirtualBound) || !bound.open) throw systemError('EBADF', 'adopt');
        if (!(bound.socket instanceof VirtualDatagramSocket)) throw systemError('ENOTSUP', 'adopt');
        const socket = bound.socket.read(actor, machine.datagrams, events);
        bound.abandon();
        return socket;
      }),
  };

  const pipes: Pipes = {
    listen: (path, accept, chunks) =>
      later(() => {
        const listener = machine.pipes.listen(actor, path, accept, chunks);
        return { close: () => later(() => listener.close()) };
      }),
    connect: (path, chunks) => later(() => machine.pipes.connect(actor, path, chunks)),
  };

  const files: Files = {
    makeRuntimeDirectory: (parent, name) => later(() => machine.files.makeDirectory(parent, name)),
    fingerprint: (url) => machine.files.fingerprint(url),
    removeDirectory: (path) => {
      if (!actor.alive) return;
      machine.files.removeDirectory(path);
      machine.blockTraces.remove(path);
    },
    handOver: () => {},
    readMaterial: (path) => machine.files.readMaterial(path),
    read: (path) => machine.files.read(path),
    write: (path, text) => {
      if (actor.alive) machine.files.write(path, text);
    },
    probe: (path) => machine.files.probe(path),
    remove: (path) => {
      if (actor.alive) machine.files.remove(path);
    },
    makeSpoolDirectory: (path) =>
      later(() => {
        try {
          machine.files.makeNamedDirectory(path);
        } catch (cause) {
          const reason = (cause as Error).message;
          throw new ConfigError('CONFIG_TASK_TMPDIR', `cannot make files there: ${reason}`, { cause });
        }
      }),
    // A process may die between the two, and leave a file that is not whole.
    writeSpool: async (path, content) => {
      const bytes = typeof content === 'string' ? Buffer.from(content) : Buffer.from(content);
      await later(() => machine.files.createSpool(path));
      await later(() => machine.files.fillSpool(path, bytes));
    },
    readSpool: (path) => later(() => machine.files.readSpool(path)),
    openToRead: (path) =>
      later(() => {
        const file = machine.files.openToRead(path);
        return {
          size: file.size,
          read: (position, bytes) => later(() => file.read(position, bytes)),
          close: () => file.close(),
        };
      }),
    discard: (path) => later(() => machine.files.removeSpool(path)),
    list: (path) => machine.files.list(path),
    takeText: (path) => (actor.alive ? machine.blockTraces.take(path) : undefined),
  };

  const stores: Stores = { open: (place) => later(() => machine.stores.open(place, life.actor)) };

  const log = new VirtualLog(machine.files, (record) => {
    if (!actor.alive) return undefined;
    machine.log(life.pid, record);
    return { pid: life.pid, time: scheduler.time };
  });

  const supervisor: Supervisor = {
    notify: async (state, status) => {
      if (actor.alive) machine.notified(life.pid, state, status);
    },
  };

  const observe = (fact: Fact): void => {
    if (actor.alive) machine.observe(life, fact);
  };

  const clock: Clock = new VirtualClock(scheduler, actor);
  return { clock, random, self, processes, threads, network, pipes, files, stores, log, supervisor, observe };
}

/** Takes the handle over: closing the listener closes it. */
function adopt(bound: BoundListener, actor: Actor, accept: (stream: ByteStream) => void): Listener {
  if (!(bound instanceof VirtualBound) || !bound.open) throw systemError('EBADF', 'adopt');
  if (!(bound.socket instanceof VirtualSocket)) throw systemError('ENOTSUP', 'adopt');
  const listener = bound.socket.accept(actor, accept, false);
  bound.abandon();
  return listener;
}
