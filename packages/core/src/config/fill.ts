import { posix } from 'node:path';
import type { z } from 'zod';
import { mostConnections } from './descriptors.js';
import { lengthTypes } from './length-type.js';
import { valueAt } from './problem.js';
import {
  inheritedDefaults,
  inheritedTcpDefaults,
  listeners as listenersByTransport,
  streamOptions,
  type InheritedOption,
  type listenerSchema,
} from './listener-options.js';
import {
  longestName,
  mostConnectionsByDefault,
  mostReactorsByDefault,
  serverSchema,
  workerTimeoutDefault,
  type FramingSettings,
  type DatagramListenerSettings,
  type ListenerSettings,
  type StreamListenerSettings,
  type AbsentOption,
  type Settings,
  type TcpListenerSettings,
  type UnixListenerSettings,
} from './schema.js';
import { isInline } from './pem.js';
import { asFileName } from './text.js';
import { fillTls } from './tls-options.js';

/** What the defaults need to know of the world. */
export interface Environment {
  /** CPUs that this process may use. */
  readonly cpus: number;
  /** The name of the application. */
  readonly name: string;
  /** Where relative paths begin. */
  readonly directory: string;
  /** How many files a process may have open; absent where the system does not tell. */
  readonly openFiles?: number;
}

/**
 * Settings in which a value is undefined when the user wrote one that does not
 * hold: it is unknown, and so is every default that would follow from it.
 */
export type Draft<T> = { readonly [Key in keyof T]: T[Key] | undefined };

/** What listeners of streams have in common. */
type StreamSettings = Pick<StreamListenerSettings, keyof (typeof streamOptions)['shape']>;

export interface SettingsDraft
  extends Draft<Omit<Settings, 'listeners' | AbsentOption>>, Pick<Settings, AbsentOption> {
  readonly listeners: readonly Draft<ListenerSettings>[] | undefined;
}

type ListenerOutput = z.output<typeof listenerSchema>;

type Inherited = Draft<Pick<Settings, InheritedOption>>;

/**
 * Fills in every default that can be known. `valid` is what the schema makes of
 * the whole input, if every option of it holds by itself.
 */
export function fill(
  input: unknown,
  environment: Environment,
  valid: z.output<typeof serverSchema> | undefined,
): SettingsDraft {
  const option = reader(serverSchema, input, valid);
  const cpus = Math.max(1, Math.floor(environment.cpus));
  const pipeWindow = option('pipeWindow');
  const reactorMemoryLimit = option('reactorMemoryLimit');
  const mode = option('mode');
  const workers = option('workerNum');
  const workerNum = workers === 'auto' ? Math.min(cpus, 1_000) : workers;
  const taskWorkerNum = option('taskWorkerNum');
  const maxRequest = option('maxRequest');
  const taskMaxRequest = option('taskMaxRequest');
  const inherited: Inherited = {
    packageMaxLength: option(
      'packageMaxLength',
      least(inheritedDefaults.packageMaxLength, reactorMemoryLimit),
    ),
    maxQueuedBytes: option('maxQueuedBytes', least(inheritedDefaults.maxQueuedBytes, pipeWindow)),
    socketBufferSize: option(
      'socketBufferSize',
      least(inheritedDefaults.socketBufferSize, reactorMemoryLimit),
    ),
    bufferHighWatermark: option('bufferHighWatermark'),
    bufferLowWatermark: option('bufferLowWatermark', inheritedDefaults.bufferLowWatermark),
    outputOverflow: option('outputOverflow', inheritedDefaults.outputOverflow),
    heartbeatIdleTime: option('heartbeatIdleTime', inheritedDefaults.heartbeatIdleTime),
    handlerTimeout: option('handlerTimeout', inheritedDefaults.handlerTimeout),
    concurrency: option('concurrency', inheritedDefaults.concurrency),
    onWorkerLost: option('onWorkerLost', inheritedDefaults.onWorkerLost),
    backlog: option('backlog', inheritedDefaults.backlog),
    partialPacketTimeout: option('partialPacketTimeout', inheritedDefaults.partialPacketTimeout),
    maxIdleTime: option('maxIdleTime', inheritedDefaults.maxIdleTime),
    maxConnectionPerAddress: option('maxConnectionPerAddress', inheritedTcpDefaults.maxConnectionPerAddress),
    connectRate: option('connectRate', inheritedTcpDefaults.connectRate),
    connectRateInterval: option('connectRateInterval', inheritedTcpDefaults.connectRateInterval),
    noDelay: option('noDelay', inheritedTcpDefaults.noDelay),
    keepAlive: option('keepAlive', inheritedTcpDefaults.keepAlive),
    keepAliveIdle: option('keepAliveIdle', inheritedTcpDefaults.keepAliveIdle),
    enableDelayReceive: option('enableDelayReceive', inheritedDefaults.enableDelayReceive),
  };
  const listeners = fillListeners(valueAt(input, ['listeners']), inherited, valid?.listeners, environment);
  const reactorNum = option('reactorNum', Math.min(cpus, mostReactorsByDefault));
  const unwatched = isUnwatched(mode, workerNum, taskWorkerNum);
  const dispatchModule = option('dispatchModule');
  const runtimeDirectory = option('runtimeDirectory');
  const queueDirectory = option('queueDirectory');
  const taskTmpdir = option('taskTmpdir');
  const logFile = option('logFile');
  const pidFile = option('pidFile');
  const user = option('user');
  const userGroup = option('group');
  const name = option('name', environment.name.slice(0, longestName) || 'shoal');
  return {
    name,
    mode,
    listeners,
    reactorNum,
    workerNum,
    taskWorkerNum,
    dispatchMode: option('dispatchMode'),
    maxGroups: option('maxGroups'),
    maxGroupsPerConnection: option('maxGroupsPerConnection'),
    ...(dispatchModule !== undefined && { dispatchModule }),
    enableUnsafeEvent: option('enableUnsafeEvent'),
    taskIpcMode: option('taskIpcMode'),
    messageQueueKey: option('messageQueueKey', name === undefined ? undefined : asFileName(name)),
    ...(queueDirectory !== undefined && {
      queueDirectory: posix.resolve(environment.directory, queueDirectory),
    }),
    taskDurability: option('taskDurability'),
    taskSyncInterval: option('taskSyncInterval'),
    taskRetries: option('taskRetries'),
    taskQueueLimit: option('taskQueueLimit'),
    taskQueuePolicy: option('taskQueuePolicy'),
    maxWaitTime: option('maxWaitTime'),
    lameDuck: option('lameDuck'),
    bootTimeout: option('bootTimeout'),
    bakeTime: option('bakeTime'),
    maxUnavailable: option('maxUnavailable'),
    standbyNum: option('standbyNum'),
    maxRequest,
    maxRequestGrace: option('maxRequestGrace', graceOf(maxRequest)),
    taskMaxRequest,
    taskMaxRequestGrace: option('taskMaxRequestGrace', graceOf(taskMaxRequest)),
    taskConcurrency: option('taskConcurrency'),
    taskMaxLength: option('taskMaxLength'),
    taskSpoolSize: option('taskSpoolSize'),
    maxMemory: option('maxMemory'),
    maxBootFailures: option('maxBootFailures'),
    workerTimeout:
      unwatched && workers === 'auto' ? 0 : option('workerTimeout', unwatched ? 0 : workerTimeoutDefault),
    heartbeatCheckInterval: option('heartbeatCheckInterval', checkInterval(listeners)),
    maxConnection: option(
      'maxConnection',
      connectionsByDefault({ mode, reactorNum, workerNum, taskWorkerNum, listeners }, environment.openFiles),
    ),
    pipeWindow,
    reactorMemoryLimit,
    logLevel: option('logLevel'),
    ...(runtimeDirectory !== undefined && { runtimeDirectory }),
    ...(taskTmpdir !== undefined && { taskTmpdir: posix.resolve(environment.directory, taskTmpdir) }),
    ...inherited,
    bufferHighWatermark: option('bufferHighWatermark', highMarkOf(inherited.socketBufferSize)),
    daemonize: option('daemonize'),
    ...(logFile !== undefined && { logFile: posix.resolve(environment.directory, logFile) }),
    ...(pidFile !== undefined && { pidFile: posix.resolve(environment.directory, pidFile) }),
    ...(user !== undefined && { user }),
    ...(userGroup !== undefined && { group: userGroup }),
  };
}

function fillListeners(
  inputs: unknown,
  inherited: Inherited,
  valid: readonly ListenerOutput[] | undefined,
  environment: Environment,
): readonly Draft<ListenerSettings>[] | undefined {
  if (!Array.isArray(inputs)) return undefined;
  return inputs.map((each: unknown, index) => fillListener(each, inherited, valid?.[index], environment));
}

function fillListener(
  input: unknown,
  inherited: Inherited,
  valid: ListenerOutput | undefined,
  environment: Environment,
): Draft<ListenerSettings> {
  const type = valueAt(input, ['type']);
  if (type === 'udp')
    return fillDatagramListener(input, inherited, valid?.type === 'udp' ? valid : undefined);
  if (type === 'unix') return fillUnix(input, inherited, valid?.type === 'unix' ? valid : undefined);
  return fillTcp(input, inherited, valid?.type === 'tcp' ? valid : undefined, environment);
}

function fillTcp(
  input: unknown,
  inherited: Inherited,
  valid: Extract<ListenerOutput, { type: 'tcp' }> | undefined,
  { directory }: Environment,
): Draft<TcpListenerSettings> {
  const option = reader(listenersByTransport.tcp, input, valid);
  const host = option('host');
  const port = option('port');
  const tls = option('tls');
  const proxyProtocol = option('proxyProtocol');
  const absolute = (path: string): string => (isInline(path) ? path : posix.resolve(directory, path));
  return {
    type: option('type'),
    name: option('name', host === undefined || port === undefined ? undefined : defaultName(host, port)),
    host,
    port,
    ipv6Only: option('ipv6Only'),
    reusePort: option('reusePort'),
    ...fillStream(input, inherited, valid),
    maxConnectionPerAddress: option('maxConnectionPerAddress', inherited.maxConnectionPerAddress),
    connectRate: option('connectRate', inherited.connectRate),
    connectRateInterval: option('connectRateInterval', inherited.connectRateInterval),
    noDelay: option('noDelay', inherited.noDelay),
    keepAlive: option('keepAlive', inherited.keepAlive),
    keepAliveIdle: option('keepAliveIdle', inherited.keepAliveIdle),
    ...(tls !== undefined && { tls: fillTls(tls, absolute) }),
    ...(proxyProtocol !== undefined && { proxyProtocol }),
  };
}

function fillUnix(
  input: unknown,
  inherited: Inherited,
  valid: Extract<ListenerOutput, { type: 'unix' }> | undefined,
): Draft<UnixListenerSettings> {
  const option = reader(listenersByTransport.unix, input, valid);
  const path = option('path');
  return {
    type: option('type'),
    name: option('name', path),
    path,
    mode: option('mode'),
    ...fillStream(input, inherited, valid),
  };
}

function fillStream(
  input: unknown,
  inherited: Inherited,
  valid: Exclude<ListenerOutput, { type: 'udp' }> | undefined,
): Draft<StreamSettings> {
  const option = reader(streamOptions, input, valid);
  const socketBufferSize = option('socketBufferSize', inherited.socketBufferSize);
  // Unless somebody has written one, the mark follows the bound of this very listener.
  const highMark = inherited.bufferHighWatermark ?? highMarkOf(socketBufferSize);
  return {
    framing: fillFraming(option('framing')),
    packageMaxLength: option('packageMaxLength', inherited.packageMaxLength),
    maxQueuedBytes: option('maxQueuedBytes', inherited.maxQueuedBytes),
    socketBufferSize,
    bufferHighWatermark: option('bufferHighWatermark', highMark),
    bufferLowWatermark: option('bufferLowWatermark', inherited.bufferLowWatermark),
    outputOverflow: option('outputOverflow', inherited.outputOverflow),
    heartbeatIdleTime: option('heartbeatIdleTime', inherited.heartbeatIdleTime),
    partialPacketTimeout: option('partialPacketTimeout', inherited.partialPacketTimeout),
    maxIdleTime: option('maxIdleTime', inherited.maxIdleTime),
    handlerTimeout: option('handlerTimeout', inherited.handlerTimeout),
    concurrency: option('concurrency', inherited.concurrency),
    onWorkerLost: option('onWorkerLost', inherited.onWorkerLost),
    backlog: option('backlog', inherited.backlog),
    enableDelayReceive: option('enableDelayReceive', inherited.enableDelayReceive),
  };
}

function fillDatagramListener(
  input: unknown,
  inherited: Inherited,
  valid: z.output<typeof listenersByTransport.udp> | undefined,
): Draft<DatagramListenerSettings> {
  const option = reader(listenersByTransport.udp, input, valid);
  const host = option('host');
  const port = option('port');
  const recvBufferSize = option('recvBufferSize');
  const { onWorkerLost } = inherited;
  const known = host !== undefined && port !== undefined;
  return {
    type: option('type'),
    name: option('name', known ? `${defaultName(host, port)}/udp` : undefined),
    host,
    port,
    ipv6Only: option('ipv6Only'),
    ...(recvBufferSize !== undefined && { recvBufferSize }),
    maxQueuedBytes: option('maxQueuedBytes', inherited.maxQueuedBytes),
    handlerTimeout: option('handlerTimeout', inherited.handlerTimeout),
    // No connection would be there to close.
    onWorkerLost: option('onWorkerLost', onWorkerLost === 'close' ? 'drop' : onWorkerLost),
  };
}

/** What a listener is called that has no name of its own. */
export function defaultName(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function fillFraming(
  framing: z.output<typeof listenersByTransport.tcp>['framing'] | undefined,
): FramingSettings | undefined {
  if (framing?.kind !== 'lengthPrefix') return framing;
  const { bodyOffset = framing.lengthOffset + lengthTypes[framing.type].size } = framing;
  return { ...framing, bodyOffset };
}

/** A single worker in base mode runs in the process that the user started: nobody is there to watch it. */
export function isUnwatched(
  mode: Settings['mode'] | undefined,
  workerNum: number | undefined,
  taskWorkerNum: number | undefined,
): boolean {
  return mode === 'base' && workerNum === 1 && taskWorkerNum === 0;
}

/** The smallest idle time in use; 0 where none is, undefined where one is not known. */
export function smallestIdleTime(listeners: SettingsDraft['listeners']): number | undefined {
  const idleTimes = listeners?.map((listener) => ('framing' in listener ? listener.heartbeatIdleTime : 0));
  if (idleTimes === undefined || idleTimes.includes(undefined)) return undefined;
  const used = idleTimes.filter((time) => time !== undefined && time > 0) as number[];
  return used.length === 0 ? 0 : Math.min(...used);
}

function checkInterval(listeners: SettingsDraft['listeners']): number | undefined {
  const idleTime = smallestIdleTime(listeners);
  return idleTime === undefined || idleTime === 0 ? idleTime : Math.max(1_000, Math.floor(idleTime / 2));
}

/** As in the reference: from four fifths of the bound on. */
function highMarkOf(socketBufferSize: number | undefined): number | undefined {
  return socketBufferSize === undefined ? undefined : Math.floor(0.8 * socketBufferSize);
}

/** Undefined where something that it depends on is. */
function connectionsByDefault(
  { mode, reactorNum, workerNum, taskWorkerNum, listeners }: Partial<SettingsDraft>,
  openFiles: number | undefined,
): number | undefined {
  if (mode === undefined || reactorNum === undefined || workerNum === undefined) return undefined;
  if (taskWorkerNum === undefined || listeners === undefined) return undefined;
  if (openFiles === undefined) return mostConnectionsByDefault;
  const owner = { mode, reactorNum, workerNum, taskWorkerNum, listeners };
  return Math.min(mostConnectionsByDefault, mostConnections(owner, openFiles));
}

/** Small limits are there for tests, and want to be exact. */
function graceOf(maxRequest: number | undefined): number | undefined {
  return maxRequest === undefined ? undefined : maxRequest > 10 ? Math.floor(maxRequest / 2) : 0;
}

function least(a: number, b: number | undefined): number | undefined {
  return b === undefined ? undefined : Math.min(a, b);
}

/**
 * Reads the options of one object. Where not all of them hold they are read one
 * by one, so that those which do can be compared: undefined for a value that is
 * refused, `fallback` for one that is absent.
 */
function reader<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  input: unknown,
  valid: z.output<z.ZodObject<Shape>> | undefined,
) {
  type Output = z.output<z.ZodObject<Shape>>;
  return <Key extends keyof Output & keyof Shape & string>(
    key: Key,
    fallback?: Exclude<Output[Key], undefined>,
  ): Exclude<Output[Key], undefined> | undefined => {
    let value: unknown = valid?.[key];
    if (valid === undefined) {
      const option: unknown = schema.shape[key];
      const result = (option as z.ZodType).safeParse(valueAt(input, [key]));
      if (!result.success) return undefined;
      value = result.data;
    }
    return (value ?? fallback) as Exclude<Output[Key], undefined> | undefined;
  };
}
