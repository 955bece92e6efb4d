/**
 * The control socket of a server: the first process opens it before anything
 * else and closes it last, and whoever may enter the runtime directory can ask
 * and order there. It answers nothing itself; `ask` does.
 */
import { ProcessError, toWire } from '../errors.js';
import type { Logger } from '../log.js';
import type { Ask } from '../pipe/questions.js';
import type { ByteStream, Clock, Pipes } from '../platform/platform.js';
import { ControlSession } from './control-session.js';
import { controlLimits, controlProtocol, type Greeting, type Rejection } from './protocol.js';

/** ms between two lines about clients that broke a rule. */
const FAULT_INTERVAL_MS = 10_000;

export interface ControlSocketParts {
  readonly pipes: Pipes;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly path: string;
  readonly greeting: Greeting;
  readonly ask: Ask;
}

export class ControlSocket {
  readonly #sessions = new Set<ControlSession>();
  #listener: { close(): Promise<void> } | undefined;
  #state: 'new' | 'open' | 'closed' = 'new';
  #faultsUnsaid = 0;
  #faultSaidAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly parts: ControlSocketParts) {}

  async open(): Promise<void> {
    const { pipes, path } = this.parts;
    const listener = await pipes.listen(path, (stream) => this.#accept(stream));
    if (this.#state === 'closed') {
      await listener.close();
      return;
    }
    this.#state = 'open';
    this.#listener = listener;
  }

  /** Idempotent. Resolves when the name of the socket is gone. */
  async close(): Promise<void> {
    this.#state = 'closed';
    for (const session of this.#sessions) session.close();
    const listener = this.#listener;
    this.#listener = undefined;
    await listener?.close();
  }

  #accept(stream: ByteStream): void {
    if (this.#state === 'closed') {
      stream.start(deaf);
      stream.destroy();
    } else if (this.#sessions.size === controlLimits.clients) {
      refuse(stream);
    } else {
      const { greeting, ask } = this.parts;
      const session: ControlSession = new ControlSession({
        stream,
        greeting,
        ask,
        onFault: (reason) => this.#noteFault(reason),
        onClose: () => this.#sessions.delete(session),
      });
      this.#sessions.add(session);
    }
  }

  #noteFault(reason: string): void {
    this.#faultsUnsaid++;
    const now = this.parts.clock.now();
    if (now - this.#faultSaidAt < FAULT_INTERVAL_MS) return;
    this.parts.logger.warn(`closed a client of the control socket: ${reason}`, {
      clients: this.#faultsUnsaid,
    });
    this.#faultSaidAt = now;
    this.#faultsUnsaid = 0;
  }
}

/** What it has taken arrives, although it is gone. */
function refuse(stream: ByteStream): void {
  const error = new ProcessError(
    'CONTROL_FULL',
    `the control socket has ${controlLimits.clients} clients already: end one of them, such as a shoal top`,
  );
  const rejection: Rejection = { shoal: controlProtocol, error: toWire(error) };
  stream.start(deaf);
  stream.write(Buffer.from(`${JSON.stringify(rejection)}\n`));
  stream.destroy();
}

const deaf = { data() {}, end() {}, drain() {}, close() {} };
