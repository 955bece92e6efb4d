import { z } from 'zod';
import { dispatchModes } from './dispatch-modes.js';
import { duration } from './duration.js';
import { inherited, inheritedTcp, listenerSchema, type listeners } from './listener-options.js';
import type { framing } from './framing-options.js';
import type { ProxySettings } from './proxy-options.js';
import type { TlsSettings } from './tls-options.js';
import { asCode, asSize, facts, option, optional } from './option.js';
import { automatic, boolean, integer } from './scalar.js';
import { GiB, KiB, MiB, size } from './size.js';
import { taskOptions } from './task-options.js';
import { directory, file, moduleUrl, text } from './text.js';
import { words } from './words.js';

/**
 * Every option, once: type, limits, default and a sentence. Validation, the
 * types of settings and `docs/configuration.md` all come from here, and from the
 * options of listeners, framings and tasks beside this file.
 *
 * An option says what is wrong with its own value. What one option means for
 * another is left to `contradictions.ts`, and defaults that depend on the
 * machine or on another option to `fill.ts`.
 */

/** Characters of the name of a server. */
export const longestName = 100;

/** ms. Like all that follows it is filled in by `fill.ts`, where a default may depend on other options. */
export const workerTimeoutDefault = 30_000;
export const mostReactorsByDefault = 8;
export const mostConnectionsByDefault = 100_000;

export const serverSchema = z.strictObject({
  name: optional(text(longestName), {
    default: 'the name of the application',
    sentence: 'How the processes of this server are titled.',
  }),
  mode: option(words({ process: [2], base: [1] }, { thread: [3] }), {
    default: 'process',
    sentence:
      'Whether reactor threads of the master own the sockets, so that connections outlive workers, or each worker owns its own.',
  }),
  listeners: z.array(listenerSchema).min(1).register(facts, {
    type: 'array of listeners',
    default: 'required',
    range: 'at least 1',
    sentence: 'Where the server listens, and how it reads what comes there.',
  }),
  reactorNum: optional(integer(1, 64), {
    default: `the number of CPUs, at most ${mostReactorsByDefault}`,
    sentence:
      'How many reactor threads own the sockets in process mode; they share a port from Node 22.12 on Linux, elsewhere each listener has one of them.',
  }),
  workerNum: option(automatic(integer(1, 1_000)), {
    default: 'auto',
    sentence: "How many workers run the handlers; `'auto'` is one for each CPU.",
  }),
  taskWorkerNum: option(integer(0, 1_000), {
    default: 0,
    sentence: 'How many task workers do the tasks that other processes post.',
  }),
  dispatchMode: option(words(dispatchModes), {
    default: 'fixed',
    sentence:
      'Which worker gets a packet in process mode. One for all events of a connection: by its number, by the address of its client, by the uid that it is bound to, or the one with the fewest connections. Or one for each packet, without order within a connection: the next in turn, one that is idle, or the one with the fewest packets.',
  }),
  dispatchModule: optional(moduleUrl('./dispatch.js'), {
    default: 'none',
    sentence:
      'A module of yours that the reactors ask before `dispatchMode`: once for each connection where that gives it one worker, else for each packet.',
  }),
  enableUnsafeEvent: option(boolean(), {
    default: false,
    sentence:
      'Where a worker is chosen for each packet, delivers connect and close too, each once and to some worker: a packet may be handled beside its connect.',
  }),
  ...taskOptions,
  maxWaitTime: option(duration(100), {
    default: 10_000,
    sentence: 'How long a shutdown, or the retirement of one worker, may take before stragglers are killed.',
  }),
  lameDuck: option(duration(100, 'zeroIsOff'), {
    default: 0,
    sentence:
      'How long a server that is asked to stop goes on serving while it says that it is not ready, so that a load balancer can turn away first.',
  }),
  bootTimeout: option(duration(1_000), {
    default: 30_000,
    sentence: 'How long a worker may take to become ready.',
  }),
  bakeTime: option(duration(50, 'zeroIsOff'), {
    default: 300,
    sentence:
      'How long the first worker of a reload must live after it was ready before any old one is replaced; one that dies as soon after its predecessor has left, or before, stops the reload.',
  }),
  maxUnavailable: option(integer(1, 1_000), {
    default: 1,
    sentence:
      'How many workers at once may be in replacement, whatever the cause: reload, recycling, `server.stop`. Each replacement is ready before the old worker retires, so this is also how many processes more there may be.',
  }),
  standbyNum: option(integer(0, 100), {
    default: 0,
    sentence:
      'How many workers are booted ahead, with modules loaded and objects made, to take the place of one that dies.',
  }),
  maxRequest: option(integer(0, 2 ** 31 - 1), {
    default: 0,
    sentence:
      'After how many settled events of connections a worker is replaced; 0 is never. It serves on until its replacement is ready.',
  }),
  maxRequestGrace: optional(integer(0, 2 ** 31 - 1), {
    default: 'half of `maxRequest` if that is above 10, else `0`',
    sentence:
      'Each worker draws a number up to this and adds it to `maxRequest`, so that they are not replaced all at once.',
  }),
  maxMemory: option(size(32 * MiB, 1024 * GiB, 'zeroIsOff'), {
    default: 0,
    sentence:
      'A worker or task worker whose resident memory is above this is replaced, when it has finished what it has started; 0 is off.',
  }),
  maxBootFailures: option(integer(1, 1_000), {
    default: 5,
    sentence: 'After how many failed boots in a row the server gives up.',
  }),
  workerTimeout: optional(duration(1_000, 'zeroIsOff'), {
    default: `${asCode(workerTimeoutDefault)}; \`0\` for a single worker in base mode, which nobody can watch`,
    sentence: 'A worker whose event loop is blocked for longer is killed and replaced.',
  }),
  heartbeatCheckInterval: optional(duration(1_000, 'zeroIsOff'), {
    default: 'half of the smallest `heartbeatIdleTime`, at least 1000; `0` where no listener has one',
    sentence: 'How often connections are looked through for those that exceed `heartbeatIdleTime`.',
  }),
  maxConnection: optional(integer(1, 1_000_000), {
    default: `${asCode(mostConnectionsByDefault)}, or what the limit of open files has room for if that is less`,
    sentence:
      'How many connections there may be, on all listeners and reactors together (base mode: with one worker). Further ones are closed at once. What the limit of open files has no room for is lowered, with a warning.',
  }),
  pipeWindow: option(size(64 * KiB, GiB), {
    default: 4 * MiB,
    shown: asSize(4 * MiB),
    sentence:
      'How much one pipe between a reactor and a worker may carry that is not yet settled; beyond that, the sockets of that worker are no longer read.',
  }),
  reactorMemoryLimit: option(size(MiB, 64 * GiB), {
    default: 256 * MiB,
    shown: asSize(256 * MiB),
    sentence:
      'How much output all the slow clients of one reactor may have waiting together, and how much of incomplete packets all its clients may have sent.',
  }),
  maxGroups: option(integer(1, 10_000_000), {
    default: 100_000,
    sentence:
      'How many groups the connections of one owner of sockets may be in together: of a reactor, or in base mode of a worker. A group exists while it has members; a connection that would need one more does not join, which is counted.',
  }),
  maxGroupsPerConnection: option(integer(1, 100_000), {
    default: 100,
    sentence: 'How many groups one connection may be in; it does not join one more, which is counted.',
  }),
  logLevel: option(words({ debug: [0], info: [2], warn: [4], error: [5] }), {
    default: 'info',
    sentence: 'The least important log lines that are still written.',
  }),
  runtimeDirectory: optional(directory(), {
    default: "the system's place for such files",
    sentence:
      'The directory in which the server makes its own, with mode 0700, for the unix sockets between its processes.',
  }),
  ...inherited,
  ...inheritedTcp,
  logFile: optional(file(), {
    default: 'standard output',
    sentence:
      'The file to whose end every process of the server writes its log, one JSON object a line; SIGWINCH to the master makes all of them open it anew.',
  }),
  pidFile: optional(file(), {
    default: 'none',
    sentence:
      'The file that holds the pid of the master from the moment the listeners are open until the end; while it names a living server, no other starts.',
  }),
  daemonize: option(boolean(), {
    default: false,
    sentence:
      'Runs the server in a session of its own, without a terminal: the process that was started prints the pid of the master once that serves, and leaves. In tests the server stays where it is.',
  }),
  user: optional(text(64), {
    default: 'the user who starts it',
    sentence:
      'The user, by name or number, that every process becomes once the listeners are bound; only root can start a server as another user.',
  }),
  group: optional(text(64), {
    default: 'the group of `user`',
    sentence: 'The group that every process becomes together with `user`, by name or number.',
  }),
});

/** What a user may write as framing; the functions `raw`, `delimiter`, `lengthPrefix` and `custom` make it. */
export type FramingInput = Exclude<z.input<typeof framing>, undefined>;

/** What a user may write as listener; `tcp`, `unix` and `udp` make it. */
export type ListenerInput = z.input<typeof listenerSchema>;

/** What a user may write as settings: everything but `listeners` has a default. */
export interface SettingsInput extends Omit<z.input<typeof serverSchema>, 'listeners'> {
  /** At least one. */
  readonly listeners: readonly ListenerInput[];
}

/** Without the holes that defaults fill. */
type Filled<T> = { readonly [Key in keyof T]-?: Exclude<T[Key], undefined> };

type ServerOutput = z.output<typeof serverSchema>;
type TcpOutput = z.output<typeof listeners.tcp>;
type UnixOutput = z.output<typeof listeners.unix>;
type DatagramOutput = z.output<typeof listeners.udp>;

/** How one listener cuts its packets: plain data, with every default filled in. */
export type FramingSettings = Filled<TcpOutput['framing']>;

/** One that accepts connections. */
export type StreamListenerSettings = TcpListenerSettings | UnixListenerSettings;

/** One listener with every default and every inherited value filled in. Durations are ms, sizes bytes. */
export type ListenerSettings = StreamListenerSettings | DatagramListenerSettings;

export interface TcpListenerSettings extends Filled<Omit<TcpOutput, 'framing' | 'tls' | 'proxyProtocol'>> {
  readonly framing: FramingSettings;
  readonly tls?: TlsSettings;
  readonly proxyProtocol?: ProxySettings;
}

export interface UnixListenerSettings extends Filled<Omit<UnixOutput, 'framing'>> {
  readonly framing: FramingSettings;
  /** Only TCP has these. */
  readonly tls?: undefined;
  readonly proxyProtocol?: undefined;
}

/** A listener that takes datagrams, likewise. */
export interface DatagramListenerSettings extends Filled<Omit<DatagramOutput, 'recvBufferSize'>> {
  /** Absent where the system's own is meant. */
  readonly recvBufferSize?: number;
}

/** Options that are absent where nothing was written, and have no default to be filled in. */
export type AbsentOption =
  | 'dispatchModule'
  | 'runtimeDirectory'
  | 'queueDirectory'
  | 'taskTmpdir'
  | 'logFile'
  | 'pidFile'
  | 'user'
  | 'group';

/**
 * The validated settings of a server with every default filled in: plain data
 * that JSON keeps, since every process of the server gets a copy. Durations are
 * ms, sizes bytes.
 */
export interface Settings extends Filled<Omit<ServerOutput, 'listeners' | 'workerNum' | AbsentOption>> {
  readonly listeners: readonly ListenerSettings[];
  readonly workerNum: number;
  /** The URL of a module; absent where `dispatchMode` alone decides. */
  readonly dispatchModule?: string;
  /** Absent where the system's own place is meant. */
  readonly runtimeDirectory?: string;
  /** Absolute; absent where the user's own place is meant. */
  readonly queueDirectory?: string;
  /** Absolute; absent where the runtime directory is meant. */
  readonly taskTmpdir?: string;
  /** Absolute; absent where standard output is meant. */
  readonly logFile?: string;
  /** Absolute. */
  readonly pidFile?: string;
  readonly user?: string;
  readonly group?: string;
}
