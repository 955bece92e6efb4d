/**
 * Decorators of the hooks that belong to a process rather than to a connection.
 * Any number of methods may carry each; start hooks run in the order of
 * `handlers`, stop hooks in reverse.
 */
import type { ReloadReport, WorkerErrorEvent } from '@shoal/core';
import type { AnyFunction, EventName } from '@shoal/core/internal/definition';
import { isDecorated, type Decorated, type MethodMarker } from './method-decorator.js';
import { subscribe } from './registrations.js';

/** `@OnStart` and `@OnStart()` are the same. */
export interface HookDecorator<Event extends AnyFunction> {
  (): MethodMarker<Event>;
  <Method extends Event>(target: object, method: string, descriptor: TypedPropertyDescriptor<Method>): void;
}

/** In the master, once every worker is ready and the listeners accept. */
export const OnStart = hook<() => unknown>('start', '@OnStart');

/** In the master, when the server is asked to stop and everything still serves. The stop waits for it, at most `maxWaitTime`. */
export const OnBeforeShutdown = hook<() => unknown>('beforeShutdown', '@OnBeforeShutdown');

/** In the master, when every other process has left. The last user code to run. */
export const OnShutdown = hook<() => unknown>('shutdown', '@OnShutdown');

/** In the manager, before it starts the first worker. */
export const OnManagerStart = hook<() => unknown>('managerStart', '@OnManagerStart');

/** In the manager, after its last worker has left. */
export const OnManagerStop = hook<() => unknown>('managerStop', '@OnManagerStop');

/** In each worker, before it takes its first packet; the worker is ready when every such hook has settled. */
export const OnWorkerStart = hook<(workerId: number) => unknown>('workerStart', '@OnWorkerStart');

/**
 * In a worker that must leave, alone or with the server, and still has open work:
 * handlers that have not settled, or connections of its own in base mode. Runs at
 * once, and then once a second until the work is done or `maxWaitTime` is over.
 * The place to end what a handler is waiting for.
 */
export const OnWorkerExit = hook<(workerId: number) => unknown>('workerExit', '@OnWorkerExit');

/** In each worker that leaves as planned, after its last packet and before its objects are disposed. */
export const OnWorkerStop = hook<(workerId: number) => unknown>('workerStop', '@OnWorkerStop');

/** In the manager, after a worker has died that was not asked to leave. */
export const OnWorkerError = hook<(event: WorkerErrorEvent) => unknown>('workerError', '@OnWorkerError');

/** In the manager, when a reload begins, before the first new worker is started. One that throws stops the reload. */
export const OnBeforeReload = hook<() => unknown>('beforeReload', '@OnBeforeReload');

/** In the manager, when a reload has ended, whatever came of it. */
export const OnAfterReload = hook<(report: ReloadReport) => unknown>('afterReload', '@OnAfterReload');

function hook<Event extends AnyFunction>(event: EventName, decorator: string): HookDecorator<Event> {
  return ((...args: [] | Decorated) => {
    if (isDecorated(args)) return subscribe(decorator, args, { kind: 'event', event });
    return (...decorated: Decorated) => subscribe(decorator, decorated, { kind: 'event', event });
  }) as HookDecorator<Event>;
}
