import type {
  Constructor,
  Container,
  ConnectionScope,
  Definition,
  EventName,
  HandlerSpec,
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
}

/** The handlers that serve a listener: those that name it, else those that name none. */
export function handlersOf(definition: Definition, listener: string): ListenerHandlers {
  const find = (event: EventName): HandlerSpec | undefined => {
    const all = definition.handlers.filter((handler) => handler.event === event);
    return (
      all.find((handler) => handler.listener === listener) ??
      all.find((handler) => handler.listener === undefined)
    );
  };
  return { connect: find('connect'), adopt: find('adopt'), receive: find('receive'), close: find('close') };
}

/** The hooks of an event in the order in which they run. */
export function hooksOf(definition: Definition, event: EventName): readonly HandlerSpec[] {
  const hooks = definition.handlers.filter((handler) => handler.event === event);
  return eventTable[event].reversed ? hooks.reverse() : hooks;
}

/** Classes whose objects a process of this role needs, and of these timers, split by scope, in the order of the handlers. */
export function typesOf(
  definition: Definition,
  role: RoleName,
  timers: readonly TimerSpec[],
): { process: Constructor[]; connection: Constructor[] } {
  const process = new Set<Constructor>();
  const connection = new Set<Constructor>();
  const specs: (HandlerSpec | TimerSpec)[] = definition.handlers.filter((handler) => {
    return eventTable[handler.event].roles.includes(role);
  });
  specs.push(...timers);
  for (const { target } of specs) {
    if (target.kind !== 'method') continue;
    (target.scope === 'connection' ? connection : process).add(target.type);
  }
  return { process: [...process], connection: [...connection] };
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
