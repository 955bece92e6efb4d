import { isSticky } from './dispatch-modes.js';
import { defaultName, isUnwatched, smallestIdleTime, type Draft, type SettingsDraft } from './fill.js';
import { inheritedTcpDefaults } from './listener-options.js';
import { lengthTypes } from './length-type.js';
import { impossibleMarks } from './mark-contradictions.js';
import { pathInWords, valueAt, type Path, type Problem } from './problem.js';
import { group } from './reader.js';
import type {
  FramingSettings,
  ListenerSettings,
  StreamListenerSettings,
  TcpListenerSettings,
  UnixListenerSettings,
} from './schema.js';
import { show } from './show.js';
import { sizeInWords } from './size.js';
import { asFileName } from './text.js';
import { tlsContradictions } from './tls-contradictions.js';

/**
 * What options mean for each other. Each rule looks at values that hold by
 * themselves; where one does not, the rule is silent, because that problem has
 * been told already.
 */
export function contradictions(input: unknown, draft: SettingsDraft): Problem[] {
  const listeners = draft.listeners ?? [];
  return [
    ...unwatchedWorker(input, draft),
    ...graceWithoutLimit(input, draft),
    ...tasksWithoutWorkers(input, draft),
    ...orderedEvents(draft),
    ...queueOptions(input, draft),
    ...heartbeats(input, draft),
    ...tcpOptions(input, draft),
    ...ipv6OnlyOfIPv4(input, listeners),
    ...boundsThatNeverAct(input, [], draft, draft),
    ...impossibleMarks(input, [], draft),
    ...delayWithoutConnect(input, [], draft),
    ...listeners.flatMap((listener, index) =>
      'framing' in listener
        ? [
            ...boundsThatNeverAct(input, ['listeners', index], listener, draft),
            ...impossibleMarks(input, ['listeners', index], listener),
            ...delayWithoutConnect(input, ['listeners', index], draft),
            ...impossibleFraming(['listeners', index, 'framing'], listener),
            ...tlsContradictions(input, ['listeners', index, 'tls'], listener.tls),
          ]
        : [],
    ),
    ...sharedAddresses(listeners),
    ...sharedNames(input, listeners),
    ...sharedFile(input, draft),
    ...groupAlone(draft),
  ];
}

function problem(path: Path, value: unknown, reason: string, remedy: string): Problem {
  return { path: pathInWords(path), found: show(value), reason, remedy };
}

function unwatchedWorker(input: unknown, draft: SettingsDraft): Problem[] {
  if (!isUnwatched(draft.mode, draft.workerNum, draft.taskWorkerNum)) return [];
  return (['workerTimeout', 'maxRequest', 'maxMemory', 'standbyNum'] as const).flatMap((name) => {
    if (draft[name] === undefined || draft[name] === 0) return [];
    return [
      problem(
        [name],
        valueAt(input, [name]),
        'cannot act, because a single worker in base mode has no process that watches and replaces it',
        'write 0, or workerNum: 2',
      ),
    ];
  });
}

function graceWithoutLimit(input: unknown, draft: SettingsDraft): Problem[] {
  const pairs = [
    ['maxRequest', 'maxRequestGrace'],
    ['taskMaxRequest', 'taskMaxRequestGrace'],
  ] as const;
  return pairs.flatMap(([limit, grace]) => {
    if (draft[limit] !== 0 || draft[grace] === undefined || draft[grace] === 0) return [];
    const reason = `has no effect, because ${limit} is 0`;
    return [problem([grace], valueAt(input, [grace]), reason, `set ${limit}, or remove it`)];
  });
}

/** What only task workers heed. */
function tasksWithoutWorkers(input: unknown, draft: SettingsDraft): Problem[] {
  if (draft.taskWorkerNum !== 0) return [];
  return (['taskMaxRequest', 'taskTmpdir'] as const).flatMap((name) => {
    if (draft[name] === undefined || draft[name] === 0) return [];
    const reason = 'cannot act, because taskWorkerNum is 0';
    return [problem([name], valueAt(input, [name]), reason, 'set taskWorkerNum, or remove it')];
  });
}

/** In base mode the whole of dispatch has no effect, so that one may change the mode and nothing else. */
function orderedEvents({ mode, dispatchMode, enableUnsafeEvent }: SettingsDraft): Problem[] {
  if (mode !== 'process' || dispatchMode === undefined || enableUnsafeEvent !== true) return [];
  if (!isSticky({ mode, dispatchMode })) return [];
  const reason = `has no effect, because dispatchMode '${dispatchMode}' delivers connect and close in order`;
  return [problem(['enableUnsafeEvent'], true, reason, 'remove it')];
}

/** What only a queue heeds, and how it is where nobody has written it. */
const ofTheQueue = {
  messageQueueKey: undefined,
  queueDirectory: undefined,
  taskDurability: 'interval',
  taskSyncInterval: 100,
};

function queueOptions(input: unknown, draft: SettingsDraft): Problem[] {
  const { taskIpcMode, taskWorkerNum, taskDurability, name } = draft;
  const key = name === undefined ? undefined : asFileName(name);
  const usual = { ...ofTheQueue, messageQueueKey: key } as const;
  const differs = (option: keyof typeof ofTheQueue): boolean =>
    valueAt(input, [option]) !== undefined && draft[option] !== undefined && draft[option] !== usual[option];
  if (taskIpcMode === 'socket') {
    const reason = "has no effect, because taskIpcMode is 'socket'";
    const remedy = "write taskIpcMode: 'queue' or 'sharedQueue', or remove it";
    const names = (Object.keys(ofTheQueue) as (keyof typeof ofTheQueue)[]).filter(differs);
    return names.map((option) => problem([option], valueAt(input, [option]), reason, remedy));
  }
  const problems: Problem[] = [];
  if (taskIpcMode !== undefined && taskWorkerNum === 0) {
    const reason = 'keeps tasks that nobody does, because taskWorkerNum is 0';
    problems.push(problem(['taskIpcMode'], taskIpcMode, reason, 'set taskWorkerNum, or remove it'));
  }
  if (taskDurability === 'sync' && differs('taskSyncInterval')) {
    const path = ['taskSyncInterval'];
    const reason =
      "has no effect, because with taskDurability: 'sync' each task is on disk when it is accepted";
    problems.push(
      problem(path, valueAt(input, path), reason, "remove it, or write taskDurability: 'interval'"),
    );
  }
  return problems;
}

function heartbeats(input: unknown, draft: SettingsDraft): Problem[] {
  const path = ['heartbeatCheckInterval'];
  const interval = draft.heartbeatCheckInterval;
  const idleTime = smallestIdleTime(draft.listeners);
  if (interval === undefined || idleTime === undefined) return [];
  const wrong = (reason: string, remedy: string) => [problem(path, valueAt(input, path), reason, remedy)];
  if (idleTime === 0 && interval > 0) {
    return wrong(
      'has no effect, because no listener has a heartbeatIdleTime',
      'set heartbeatIdleTime, or remove it',
    );
  }
  if (idleTime > 0 && interval === 0) {
    return wrong(
      'turns off the check that heartbeatIdleTime needs',
      'remove it, or set heartbeatIdleTime: 0',
    );
  }
  if (interval > idleTime) {
    return wrong(
      `is above the smallest heartbeatIdleTime (${group(idleTime)} ms)`,
      `write at most ${group(idleTime)}, or remove it for half of that`,
    );
  }
  return [];
}

function ipv6OnlyOfIPv4(input: unknown, listeners: readonly Draft<ListenerSettings>[]): Problem[] {
  return listeners.flatMap((listener, index) => {
    if (isUnix(listener)) return [];
    const { host, ipv6Only } = listener;
    if (ipv6Only !== true || host === undefined || host.includes(':')) return [];
    const path = ['listeners', index, 'ipv6Only'];
    const reason = `has no effect, because ${host} is no address of IPv6`;
    return [problem(path, valueAt(input, path), reason, "write host: '::', or remove it")];
  });
}

const idleTcpOptions = [
  ['connectRate', 0, 'connectRateInterval'],
  ['keepAlive', false, 'keepAliveIdle'],
] as const;

/** What does nothing while another option is off, told where it was written and not where it is taken over. */
function tcpOptions(input: unknown, draft: SettingsDraft): Problem[] {
  const listeners = draft.listeners ?? [];
  return idleTcpOptions.flatMap(([main, off, detail]) => {
    const idle = (path: Path, value: unknown, usual: unknown): Problem[] => {
      if (value === undefined || value === usual) return [];
      const reason = `has no effect, because ${main} is ${off}`;
      return [problem(path, valueAt(input, path), reason, `set ${main}, or remove it`)];
    };
    const used = listeners.some((listener) => isTcp(listener) && listener[main] !== off);
    return [
      ...(used ? [] : idle([detail], draft[detail], inheritedTcpDefaults[detail])),
      ...listeners.flatMap((listener, index) => {
        return isTcp(listener) && listener[main] === off
          ? idle(['listeners', index, detail], listener[detail], draft[detail])
          : [];
      }),
    ];
  });
}

/** A bound on one connection does nothing when the bound on all of them is lower. */
const bounds = [
  ['packageMaxLength', 'reactorMemoryLimit'],
  ['maxQueuedBytes', 'pipeWindow'],
  ['socketBufferSize', 'reactorMemoryLimit'],
] as const;

function boundsThatNeverAct(
  input: unknown,
  at: Path,
  values: Draft<Pick<StreamListenerSettings, (typeof bounds)[number][0]>>,
  totals: Pick<SettingsDraft, (typeof bounds)[number][1]>,
): Problem[] {
  return bounds.flatMap(([one, all]) => {
    const path = [...at, one];
    const written = valueAt(input, path);
    const value = values[one];
    const total = totals[all];
    // A value that a listener takes over is reported once, where it was written.
    if (written === undefined || value === undefined || total === undefined || value <= total) return [];
    return [
      problem(
        path,
        written,
        `is above ${all} (${sizeInWords(total)})`,
        `write at most ${group(total)}, or raise ${all}`,
      ),
    ];
  });
}

/** Nobody would hear of the connection, and confirm it. */
function delayWithoutConnect(
  input: unknown,
  at: Path,
  {
    mode,
    dispatchMode,
    enableUnsafeEvent,
  }: Pick<SettingsDraft, 'mode' | 'dispatchMode' | 'enableUnsafeEvent'>,
): Problem[] {
  const path = [...at, 'enableDelayReceive'];
  if (valueAt(input, path) !== true || mode !== 'process' || dispatchMode === undefined) return [];
  if (isSticky({ mode, dispatchMode }) || enableUnsafeEvent !== false) return [];
  const reason = `waits for @OnConnect, which dispatchMode '${dispatchMode}' does not have`;
  return [
    problem(path, true, reason, "remove it, or write enableUnsafeEvent: true or dispatchMode: 'fixed'"),
  ];
}

function impossibleFraming(path: Path, listener: Draft<StreamListenerSettings>): Problem[] {
  const { framing, packageMaxLength } = listener;
  if (framing?.kind === 'lengthPrefix') {
    return [...impossiblePrefix(path, framing), ...prefixThatLeavesNoRoom(path, framing, packageMaxLength)];
  }
  if (framing?.kind !== 'delimiter' || packageMaxLength === undefined) return [];
  if (framing.bytes.length <= packageMaxLength) return [];
  return [
    problem(
      [...path, 'bytes'],
      framing.bytes,
      `is longer than packageMaxLength (${sizeInWords(packageMaxLength)})`,
      `raise packageMaxLength to more than ${framing.bytes.length}`,
    ),
  ];
}

type LengthPrefix = Extract<FramingSettings, { kind: 'lengthPrefix' }>;

function headerEnd({ lengthOffset, type }: LengthPrefix): number {
  return lengthOffset + lengthTypes[type].size;
}

function impossiblePrefix(path: Path, framing: LengthPrefix): Problem[] {
  const { bodyOffset, type } = framing;
  const { largest } = lengthTypes[type];
  const end = headerEnd(framing);
  if (bodyOffset + largest >= end) return [];
  return [
    problem(
      [...path, 'type'],
      type,
      `counts up to ${largest}, so that with bodyOffset ${bodyOffset} no packet reaches the end of its own header (byte ${end})`,
      `write a wider type, or bodyOffset: ${end}`,
    ),
  ];
}

function prefixThatLeavesNoRoom(
  path: Path,
  framing: LengthPrefix,
  packageMaxLength: number | undefined,
): Problem[] {
  if (packageMaxLength === undefined) return [];
  const { bodyOffset, lengthOffset } = framing;
  const end = headerEnd(framing);
  const beyond = `beyond packageMaxLength (${sizeInWords(packageMaxLength)})`;
  if (end > packageMaxLength) {
    return [
      problem(
        [...path, 'lengthOffset'],
        lengthOffset,
        `puts the end of the header at byte ${end}, ${beyond}`,
        `lower it, or raise packageMaxLength to at least ${end}`,
      ),
    ];
  }
  if (bodyOffset > packageMaxLength) {
    return [
      problem(
        [...path, 'bodyOffset'],
        bodyOffset,
        `makes every packet at least ${bodyOffset} bytes long, ${beyond}`,
        `lower it, or raise packageMaxLength to at least ${bodyOffset}`,
      ),
    ];
  }
  return [];
}

function sharedFile(input: unknown, { logFile, pidFile }: SettingsDraft): Problem[] {
  if (pidFile === undefined || pidFile !== logFile) return [];
  return [problem(['pidFile'], valueAt(input, ['pidFile']), 'is the logFile too', 'name another file')];
}

function groupAlone({ user, group: alone }: SettingsDraft): Problem[] {
  if (alone === undefined || user !== undefined) return [];
  return [problem(['group'], alone, 'has no user beside it', 'write user as well, or remove it')];
}

/** Port 0 takes another free port for each listener, so it is never shared. */
function addressOf(listener: Draft<ListenerSettings>): string | undefined {
  if (isUnix(listener)) return listener.path;
  const { host, port } = listener;
  if (host === undefined || port === undefined || port === 0) return undefined;
  const address = defaultName(host.toLowerCase(), port);
  // Ports of streams and of datagrams are different ones.
  return 'framing' in listener ? address : `${address}/udp`;
}

function isTcp(listener: Draft<ListenerSettings>): listener is Draft<TcpListenerSettings> {
  return 'noDelay' in listener;
}

function isUnix(listener: Draft<ListenerSettings>): listener is Draft<UnixListenerSettings> {
  return 'path' in listener;
}

function sharedAddresses(listeners: readonly Draft<ListenerSettings>[]): Problem[] {
  const addresses = listeners.map(addressOf);
  return addresses.flatMap((address, index) => {
    const first = addresses.indexOf(address);
    if (address === undefined || first === index) return [];
    const listener = listeners[index]!;
    const reason = `makes the same address as listeners[${first}], ${address}`;
    return isUnix(listener)
      ? [problem(['listeners', index, 'path'], listener.path, reason, 'write another path')]
      : [problem(['listeners', index, 'port'], listener.port, reason, 'write another port or host')];
  });
}

function sharedNames(input: unknown, listeners: readonly Draft<ListenerSettings>[]): Problem[] {
  const names = listeners.map(({ name }) => name);
  const addresses = listeners.map(addressOf);
  return names.flatMap((name, index) => {
    const first = names.indexOf(name);
    if (name === undefined || first === index) return [];
    const isGiven = [first, index].some((each) => valueAt(input, ['listeners', each, 'name']) !== undefined);
    // Two listeners without names on one address have one problem, not two.
    if (!isGiven && addresses[index] !== undefined) return [];
    const path = ['listeners', index, 'name'];
    return [problem(path, name, `is the name of listeners[${first}] too`, 'give one of them another name')];
  });
}
