import type { ConnectionScope, HandlerSpec } from '../definition.js';
import type { BoundHandler } from '../events/bound-handler.js';
import type { Invoker } from '../events/invoke.js';

/** What the objects of connections ask of their worker. */
export interface ObjectsHost {
  readonly invoker: Invoker;
  bind(spec: HandlerSpec, scope: ConnectionScope | undefined, timeout: number): BoundHandler;
  /** Disposes the objects of a connection; the worker waits for that before it leaves. */
  dispose(id: number, scope: ConnectionScope): Promise<void>;
}

/**
 * The objects of one connection, those of classes with `scope: 'connection'`, on
 * which its handlers run: made before its first event, disposed behind its last.
 * Connections that have none, which are nearly all, share one of these.
 */
export class ConnectionObjects {
  #scope: ConnectionScope | undefined;

  constructor(
    private readonly host: ObjectsHost,
    scope: ConnectionScope | undefined,
  ) {
    this.#scope = scope;
  }

  /** Whether there is anything to dispose. */
  get any(): boolean {
    return this.#scope !== undefined;
  }

  /** `timeout` in ms, 0 is none. Throws what the constructor of the object throws. */
  bind(spec: HandlerSpec, timeout: number): BoundHandler {
    return this.host.bind(spec, this.#scope, timeout);
  }

  /** As `bind`; an object that cannot be made is reported, and then there is no handler. */
  bindSafely(spec: HandlerSpec | undefined, timeout: number): BoundHandler | undefined {
    if (spec === undefined) return undefined;
    try {
      return this.bind(spec, timeout);
    } catch (error) {
      this.host.invoker.report(spec.label, spec.event, error);
      return undefined;
    }
  }

  /** Once only: whoever comes later has nothing to wait for. */
  async dispose(connectionId: number): Promise<void> {
    const scope = this.#scope;
    this.#scope = undefined;
    if (scope !== undefined) await this.host.dispose(connectionId, scope);
  }
}
