import { z } from 'zod';
import { bytes } from './bytes.js';
import { duration } from './duration.js';
import { lengthTypes } from './length-type.js';
import { group, Refusal, type Reader } from './reader.js';
import { automatic, boolean, integer } from './scalar.js';
import { GiB, KiB, MiB, size, sizeInWords } from './size.js';
import { directory, file, fileName, folder, host, moduleUrl, text } from './text.js';
import { words } from './words.js';

/**
 * Every option, once: type, limits, default and a sentence. Validation, the
 * types of settings and `docs/configuration.md` all come from here.
 *
 * An option says what is wrong with its own value. What one option means for
 * another is left to `contradictions.ts`, and defaults that depend on the
 * machine or on another option to `fill.ts`.
 */

/** What the manual tells about an option. */
export interface Facts {
  readonly type: string;
  /** As a user would write it, or in words. */
  readonly default: string;
  readonly range: string;
  readonly sentence: string;
}

export const facts = z.registry<Facts>();

interface Optional {
  readonly default: string;
  readonly sentence: string;
}

/** Params of the issue that a refused value leaves. */
export interface RefusalParams {
  readonly reason: string;
  readonly remedy: string;
}

function valueOf<Input, Output>(reader: Reader<Input, Output>): z.ZodType<Output, Input> {
  return z.custom<Input>().transform((value, context): Output => {
    const result =
      value === undefined ? new Refusal('was given', `write ${reader.takes}`) : reader.read(value);
    if (!(result instanceof Refusal)) return result;
    const { reason, remedy } = result;
    const params: RefusalParams = { reason, remedy };
    context.addIssue({ code: 'custom', message: `${reason}; ${remedy}`, params: { ...params } });
    return z.NEVER;
  });
}

function required<Input, Output>(reader: Reader<Input, Output>, sentence: string) {
  const { type, range } = reader;
  return valueOf(reader).register(facts, { type, range, default: 'required', sentence });
}

function option<Input, Output extends string | number | boolean>(
  reader: Reader<Input, Output>,
  about: { readonly default: Output; readonly shown?: string; readonly sentence: string },
) {
  const { type, range } = reader;
  const shown = about.shown ?? asCode(about.default);
  return valueOf(reader)
    .default(about.default as z.core.util.NoUndefined<Output>)
    .register(facts, { type, range, default: shown, sentence: about.sentence });
}

/** The default is filled in later, or there is none. */
function optional<Input, Output>(reader: Reader<Input, Output>, about: Optional) {
  const { type, range } = reader;
  return valueOf(reader)
    .optional()
    .register(facts, { type, range, ...about });
}

function asCode(value: string | number | boolean): string {
  return typeof value === 'number' ? `\`${group(value)}\`` : `\`${quoted(value)}\``;
}

function quoted(value: string | boolean): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

/** A size as the user would write it: `'2MiB'`. */
function asSize(value: number): string {
  return asCode(sizeInWords(value).replace(' ', ''));
}

function kind<const Name extends string>(name: Name, sentence: string): z.ZodLiteral<Name> {
  const literal: z.ZodLiteral<Name> = z.literal(name);
  facts.add(literal, { type: asCode(name), range: '', default: 'required', sentence });
  return literal;
}

/** Characters of the name of a server. */
export const longestName = 100;

/** ms. Like all that follows it is filled in by `fill.ts`, where a default may depend on other options. */
export const workerTimeoutDefault = 30_000;
export const mostReactorsByDefault = 8;

/** Server-wide values of what a listener may set for itself. */
export const inheritedDefaults = {
  packageMaxLength: 2 * MiB,
  maxQueuedBytes: 256 * KiB,
  socketBufferSize: 8 * MiB,
  heartbeatIdleTime: 0,
  handlerTimeout: 0,
  concurrency: 1,
  onWorkerLost: 'redeliver',
  backlog: 512,
  noDelay: true,
} as const;

const inherited = {
  packageMaxLength: optional(size(1, GiB), {
    default: `${asSize(inheritedDefaults.packageMaxLength)}, or \`reactorMemoryLimit\` if that is less`,
    sentence:
      'The longest packet, header or delimiter included; a peer that announces or sends a longer one is closed.',
  }),
  maxQueuedBytes: optional(size(KiB, GiB), {
    default: `${asSize(inheritedDefaults.maxQueuedBytes)}, or \`pipeWindow\` if that is less`,
    sentence:
      'How much of one connection may be with a worker and not yet settled before its socket is no longer read; one packet is always admitted.',
  }),
  socketBufferSize: optional(size(KiB, GiB), {
    default: `${asSize(inheritedDefaults.socketBufferSize)}, or \`reactorMemoryLimit\` if that is less`,
    sentence:
      'How much output one connection may have waiting for a slow peer; an empty buffer admits one send of up to `packageMaxLength`.',
  }),
  heartbeatIdleTime: optional(duration(1_000, 'zeroIsOff'), {
    default: asCode(inheritedDefaults.heartbeatIdleTime),
    sentence: 'A connection from which nothing has come for so long is closed.',
  }),
  handlerTimeout: optional(duration(100, 'zeroIsOff'), {
    default: asCode(inheritedDefaults.handlerTimeout),
    sentence:
      'How long an async handler of a connection may take to settle; after that, and at most a quarter more, its packet is refused and its connection is reset.',
  }),
  concurrency: optional(integer(1, 1024), {
    default: asCode(inheritedDefaults.concurrency),
    sentence:
      'How many packets of one connection may be with its handler at the same time; above 1 they may settle in another order.',
  }),
  onWorkerLost: optional(words({ redeliver: [], close: [], drop: [] }), {
    default: asCode(inheritedDefaults.onWorkerLost),
    sentence:
      'What becomes of packets that a worker may have started when it is lost: delivered again, dropped and counted, or dropped with all its connections closed.',
  }),
  backlog: optional(integer(1, 65_535), {
    default: asCode(inheritedDefaults.backlog),
    sentence: 'How many new connections the system holds until they are accepted.',
  }),
  noDelay: optional(boolean(), {
    default: asCode(inheritedDefaults.noDelay),
    sentence: "Sends small writes at once (TCP_NODELAY) instead of gathering them by Nagle's algorithm.",
  }),
};

const lengthWords = Object.fromEntries(
  Object.entries(lengthTypes).map(([word, { aliases }]) => [word, aliases]),
) as { readonly [Word in keyof typeof lengthTypes]: (typeof lengthTypes)[Word]['aliases'] };

const lengthType = { ...words(lengthWords), type: 'length type', range: 'see the table below' };

/** The framings, by kind. */
export const framings = {
  raw: z.strictObject({
    kind: kind('raw', 'No framing: what one read of the socket brought is one packet.'),
  }),
  delimiter: z.strictObject({
    kind: kind('delimiter', 'A packet ends with the same bytes each time, a line feed for example.'),
    bytes: required(bytes(64), 'The bytes that end a packet.'),
    strip: option(boolean(), {
      default: false,
      sentence: 'Leaves the delimiter out of the packet that the handler gets.',
    }),
  }),
  lengthPrefix: z.strictObject({
    kind: kind(
      'lengthPrefix',
      'A number at a fixed place tells the length; the whole packet has `bodyOffset` bytes plus that number.',
    ),
    type: option(lengthType, {
      default: 'uint32be',
      sentence: 'Width, sign and byte order of the number; a negative one closes the connection.',
    }),
    lengthOffset: option(integer(0, 65_535), {
      default: 0,
      sentence: 'How many bytes come before the number.',
    }),
    bodyOffset: optional(integer(0, 65_535), {
      default: '`lengthOffset` plus the bytes of the number',
      sentence:
        'From which byte on the number counts; 0 means that it counts the whole packet, header included.',
    }),
    strip: option(boolean(), {
      default: false,
      sentence:
        'Leaves the first `bodyOffset` bytes out of the packet that the handler gets, and in any case all up to the end of the number.',
    }),
  }),
  custom: z.strictObject({
    kind: kind('custom', 'A module of yours tells how long the next packet is.'),
    module: required(moduleUrl(), 'The module, loaded by every process that owns sockets.'),
  }),
};

const framing = z
  .discriminatedUnion('kind', [framings.raw, framings.delimiter, framings.lengthPrefix, framings.custom])
  .default({ kind: 'raw' })
  .register(facts, {
    type: 'framing',
    default: '`raw()`',
    range: '`raw()`, `delimiter(…)`, `lengthPrefix({ … })` or `custom(url)`',
    sentence: 'How the bytes that come are cut into packets.',
  });

export const listenerSchema = z.strictObject({
  type: required(words({ tcp: [] }, { udp: [], unix: [] }), 'The transport; `tcp({ … })` sets it.'),
  name: optional(text(64), {
    default: '`host:port`',
    sentence: 'How handlers, logs and errors call this listener; no two have the same.',
  }),
  host: option(host(), { default: '0.0.0.0', sentence: 'The address to listen on.' }),
  port: required(integer(0, 65_535), 'The port to listen on; 0 takes a free one.'),
  framing,
  ...inherited,
});

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
  dispatchMode: option(
    words(
      { fixed: [2], roundRobin: [1] },
      { preemptive: [3], ipHash: [4], uid: [5], leastConnections: [8], leastInFlight: [9] },
    ),
    {
      default: 'fixed',
      sentence:
        'Which worker gets a packet in process mode: always the same for one connection, or the next in turn, without order within a connection.',
    },
  ),
  taskIpcMode: option(words({ socket: [1], queue: [2], sharedQueue: [3] }), {
    default: 'socket',
    sentence:
      'How tasks reach task workers: over pipes, at most once; or through a queue on disk, from which they are handled at least once, also after a crash of everything: one line for each task worker, or one from which any of them takes.',
  }),
  messageQueueKey: optional(fileName(), {
    default: 'the name of the server, with `-` for characters that no file name should have',
    sentence:
      'The name of the queue, which is that of its directory in `queueDirectory`; no two servers have one queue at the same time.',
  }),
  queueDirectory: optional(file(), {
    default:
      '`$STATE_DIRECTORY` as systemd sets it, else `$XDG_STATE_HOME/shoal` or `~/.local/state/shoal`, for root `/var/lib/shoal`',
    sentence:
      'The directory in which queues are kept, made with mode 0700. It must be on a disk of this machine that survives a restart.',
  }),
  taskDurability: option(words({ interval: [], sync: [] }), {
    default: 'interval',
    sentence:
      'When a task is accepted: when the system has it, so that it survives every process, and it is on disk at most `taskSyncInterval` later; or when it is on disk.',
  }),
  taskSyncInterval: option(duration(5), {
    default: 100,
    sentence: "How much a failure of power may take with `taskDurability: 'interval'`.",
  }),
  taskRetries: option(integer(0, 1_000), {
    default: 1,
    sentence:
      'How often a task is tried again when its task worker dies, and in a queue also when its handler fails, after about a second and then ever later; then it fails, or is a dead letter, which is kept.',
  }),
  taskQueueLimit: option(integer(1, 10_000_000), {
    default: 10_000,
    sentence:
      'How many tasks may wait: in each process that posts some, or in the queue, delayed ones included.',
  }),
  taskQueuePolicy: option(words({ wait: [], reject: [] }), {
    default: 'wait',
    sentence:
      'What becomes of a task that is posted while `taskQueueLimit` tasks wait: it waits until there is room, or is rejected. `server.task`, which cannot wait, throws.',
  }),
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
  taskMaxRequest: option(integer(0, 2 ** 31 - 1), {
    default: 0,
    sentence:
      'After how many tasks a task worker is replaced; 0 is never. It goes on until its replacement is ready.',
  }),
  taskMaxRequestGrace: optional(integer(0, 2 ** 31 - 1), {
    default: 'half of `taskMaxRequest` if that is above 10, else `0`',
    sentence:
      'Each task worker draws a number up to this and adds it to `taskMaxRequest`, so that they are not replaced all at once.',
  }),
  taskConcurrency: option(integer(1, 10_000), {
    default: 1,
    sentence:
      'How many tasks one task worker does at the same time; above 1 it pays where handlers wait for something.',
  }),
  taskMaxLength: option(size(KiB, GiB), {
    default: 64 * MiB,
    shown: asSize(64 * MiB),
    sentence: 'The longest payload of a task and the longest result, encoded; a longer one is an error.',
  }),
  taskSpoolSize: option(size(64 * KiB, GiB), {
    default: 512 * KiB,
    shown: asSize(512 * KiB),
    sentence:
      'A task or a result that is longer than this travels through a file, so that it is in memory only while somebody works on it.',
  }),
  taskTmpdir: optional(folder(), {
    default: 'the directory that the server makes in `runtimeDirectory`',
    sentence:
      'The directory in which the server makes its own, with mode 0700, for the files of `taskSpoolSize`.',
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

export type InheritedOption = keyof typeof inheritedDefaults;

/** Options that listeners take over from the server unless they set their own. */
export const inheritedOptions = Object.keys(inherited) as InheritedOption[];

/** What a user may write as framing; the functions `raw`, `delimiter`, `lengthPrefix` and `custom` make it. */
export type FramingInput = Exclude<z.input<typeof framing>, undefined>;

/** What a user may write as listener; `tcp` makes it. */
export type ListenerInput = z.input<typeof listenerSchema>;

/** What a user may write as settings: everything but `listeners` has a default. */
export interface SettingsInput extends Omit<z.input<typeof serverSchema>, 'listeners'> {
  /** At least one. */
  readonly listeners: readonly ListenerInput[];
}

/** Without the holes that defaults fill. */
type Filled<T> = { readonly [Key in keyof T]-?: Exclude<T[Key], undefined> };

type ServerOutput = z.output<typeof serverSchema>;
type ListenerOutput = z.output<typeof listenerSchema>;

/** How one listener cuts its packets: plain data, with every default filled in. */
export type FramingSettings = Filled<ListenerOutput['framing']>;

/** One listener with every default and every inherited value filled in. Durations are ms, sizes bytes. */
export interface ListenerSettings extends Filled<Omit<ListenerOutput, 'framing'>> {
  readonly framing: FramingSettings;
}

/** Options that are absent where nothing was written, and have no default to be filled in. */
export type AbsentOption =
  'runtimeDirectory' | 'queueDirectory' | 'taskTmpdir' | 'logFile' | 'pidFile' | 'user' | 'group';

/**
 * The validated settings of a server with every default filled in: plain data
 * that JSON keeps, since every process of the server gets a copy. Durations are
 * ms, sizes bytes.
 */
export interface Settings extends Filled<Omit<ServerOutput, 'listeners' | 'workerNum' | AbsentOption>> {
  readonly listeners: readonly ListenerSettings[];
  readonly workerNum: number;
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
