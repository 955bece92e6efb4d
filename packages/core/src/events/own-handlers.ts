import type { Container, Definition, EventName, RoleName } from '../definition.js';
import type { BoundHandler } from './bound-handler.js';
import { bind, handlerFor } from './handler-table.js';

export interface OwnHandlersParts {
  readonly definition: Definition;
  readonly role: RoleName;
  /** The name of this user process. */
  readonly process?: string;
  readonly container: () => Container | undefined;
}

/** The handlers of this process for what other processes send it, each bound to its object when it is first needed. */
export class OwnHandlers {
  readonly #known = new Map<string, BoundHandler>();

  constructor(private readonly parts: OwnHandlersParts) {}

  /** Without a name: the handler of whatever has no handler of its own. */
  find(event: Extract<EventName, 'finish' | 'pipeMessage'>, name = ''): BoundHandler | undefined {
    const key = `${event} ${name}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const { definition, role, process, container } = this.parts;
    const spec = handlerFor(definition, event, role, name, process);
    if (spec === undefined) return undefined;
    const handler = bind(spec, container());
    this.#known.set(key, handler);
    return handler;
  }
}
