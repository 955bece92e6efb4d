import type {
  Constructor,
  Container,
  ConnectionScope,
  Definition,
  EventName,
  HandlerSpec,
  ProcessSpec,
  RoleName,
  TimerSpec,
} from '../definition.js';
import type { BoundHandler } from './bound-handler.js';
import { eventTable } from './event-table.js';

/** The handlers of one listener, not yet bound to objects. */
export interface ListenerHandlers {
  readonly connect: HandlerSpec | undefined;
  readonly adopt: HandlerSpec | undefined;
  readonly receive: HandlerSpec | undefined;
  readonly close: HandlerSpec | undefined;
  /** Of a listener that is served as streams, which has neither connect, adopt nor receive. */
  readonly connection: HandlerSpec | undefined;
  readonly drain: HandlerSpec | undefined;
  readonly bufferFull: HandlerSpec | undefined;
  readonly bufferEmpty: HandlerSpec | undefined;
}

/** The handlers that serve a listener of connections: those that name it, else those that name none. */
export function handlersOf(definition: Definition, listener: string): ListenerHandlers {
  const find = (event: EventName): HandlerSpec | undefined => servingHandler(definition, event, listener);
  const [connection, receive] = [find('connection'), find('receive')];
  const rest = {
    close: find('close'),
    drain: find('drain'),
    bufferFull: find('bufferFull'),
    bufferEmpty: find('bufferEmpty'),
  };
  if (connection !== undefined && isStream(connection, receive))
    return { connect: undefined, adopt: undefined, receive: undefined, connection, ...rest };
  return { connect: find('connect'), adopt: find('adopt'), receive, connection: undefined, ...rest };
}

/** A listener is served as streams when `@OnConnection` names it, or nobody names it and there is no `@OnReceive`. */
function isStream({ listener }: HandlerSpec, receive: HandlerSpec | undefined): boolean {
  return receive === undefined || (listener !== undefined && receive.listener === undefined);
}

/** The handler that serves a listener of datagrams. */
export function packetHandlerOf(definition: Definition, listener: string): HandlerSpec | undefined {
  return servingHandler(definition, 'packet', listener);
}

function servingHandler(
  { handlers }: Definition,
  event: EventName,
  listener: string,
): HandlerSpec | undefined {
  const all = handlers.filter((handler) => handler.event === event);
  return (
    all.find((handler) => handler.listener === listener) ??
    all.find((handler) => handler.listener === undefined)
  );
}

/** The handler of a message, a task or a result: that of its name, in a process of that role; `process` is the name of a user process. */
export function handlerFor(
  definition: Definition,
  event: EventName,
  role: RoleName,
  name: string,
  process?: string,
): HandlerSpec | undefined {
  return definition.handlers.find(
    (spec) => spec.event === event && (spec.name ?? '') === name && runsIn(spec, role, process),
  );
}

/** The names for which an event has a handler; the empty one is that without a name. */
export function namesOf(definition: Definition, event: EventName): ReadonlySet<string> {
  return new Set(definition.handlers.filter((spec) => spec.event === event).map(({ name = '' }) => name));
}

/** Whether it runs in a process of that role; `process` is the name of a user process. */
export function runsIn(spec: HandlerSpec, role: RoleName, process?: string): boolean {
  if (spec.process !== undefined) return role === 'userProcess' && spec.process === process;
  return role !== 'userProcess' && rolesOf(spec).includes(role);
}

/** The roles in which it runs, as far as they are not those of one user process. */
export function rolesOf(spec: HandlerSpec): readonly RoleName[] {
  if (spec.process !== undefined) return ['userProcess'];
  if (spec.event !== 'command') return eventTable[spec.event].roles;
  const { on = 'workers' } = spec.command ?? {};
  return on === 'workers' ? ['worker', 'taskWorker'] : [on];
}

/** The hooks of an event in the order in which they run: those of a user process, or of everybody else. */
export function hooksOf(
  definition: Definition,
  event: EventName,
  processName?: string,
): readonly HandlerSpec[] {
  const hooks = definition.handlers.filter(
    (handler) => handler.event === event && handler.process === processName,
  );
  return eventTable[event].reversed ? hooks.reverse() : hooks;
}

/** Classes whose objects a process of this role needs, and of these timers, split by scope, in the order of the handlers. */
export function typesOf(
  definition: Definition,
  role: RoleName,
  timers: readonly TimerSpec[],
  processName?: string,
): { process: Constructor[]; connection: Constructor[] } {
  const process = new Set<Constructor>();
  const connection = new Set<Constructor>();
  const specs = [...definition.handlers.filter((spec) => runsIn(spec, role, processName)), ...timers];
  const { body } = (role === 'userProcess' && processOf(definition, processName)) || {};
  if (body?.kind === 'class') process.add(body.type);
  for (const { target } of specs) {
    if (target.kind !== 'method') continue;
    (target.scope === 'connection' ? connection : process).add(target.type);
  }
  return { process: [...process], connection: [...connection] };
}

export function processOf(definition: Definition, name: string | undefined): ProcessSpec | undefined {
  return definition.processes?.find((process) => process.name === name);
}

/** Gives a handler its `this`: the object of the process, or that of the connection's scope; `timeout` in ms, 0 is none. */
export function bind(
  spec: HandlerSpec | TimerSpec,
  container: Container | undefined,
  scope?: ConnectionScope,
  timeout = 0,
): BoundHandler {
  const event = 'event' in spec ? spec.event : 'tick';
  const { target, label } = spec;
  if (target.kind === 'function') {
    return { event, label, run: target.run as BoundHandler['run'], parameters: target.run.length, timeout };
  }
  const owner = target.scope === 'connection' ? scope : container;
  if (owner === undefined) throw new Error(`${label} needs a container, and this application brings none`);
  const instance = owner.resolve(target.type) as Record<string, BoundHandler['run']>;
  const method = instance[target.method]!;
  return { event, label, run: method.bind(instance), parameters: target.parameters, timeout };
}
