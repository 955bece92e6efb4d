import { ProcessError, toWire } from '../errors.js';
import type { Ask } from '../pipe/questions.js';
import type { ByteStream } from '../platform/platform.js';
import { LineReader } from './line-reader.js';
import { controlLimits, type ControlReply, type Greeting } from './protocol.js';
import { readQuestion, readRequest, type RawRequest } from './read-request.js';

export interface SessionParts {
  readonly stream: ByteStream;
  readonly greeting: Greeting;
  readonly ask: Ask;
  /** The client did what it must not; its connection is closed already. */
  readonly onFault: (reason: string) => void;
  readonly onClose: () => void;
}

/**
 * One client of the control socket. A client that has finished writing is
 * answered still; one that breaks a rule is cut off, and nobody else notices.
 */
export class ControlSession {
  readonly #lines = new LineReader(controlLimits.requestBytes);
  readonly #pending = new Set<RawRequest>();
  #state: 'open' | 'ended' | 'closed' = 'open';

  constructor(private readonly parts: SessionParts) {
    const { stream, greeting } = parts;
    stream.start({
      data: (chunk) => this.#read(chunk),
      end: () => this.#clientEnded(),
      drain: () => {},
      close: () => {
        this.#state = 'closed';
        parts.onClose();
      },
    });
    this.#write(greeting);
  }

  /** Who waits for an answer is told that the server is gone. */
  close(): void {
    const error = toWire(new ProcessError('SHUTTING_DOWN', 'the server has stopped'));
    for (const { id } of this.#pending) this.#write({ id, error });
    this.#drop();
  }

  #read(chunk: Buffer): void {
    for (const line of this.#lines.push(chunk)) {
      if (this.#state === 'closed') return;
      const request = readRequest(line);
      if (request === undefined) this.#fault('a line that is no request');
      else if (this.#pending.size === controlLimits.pendingRequests)
        this.#fault(`more than ${controlLimits.pendingRequests} requests at once`);
      else void this.#answer(request);
    }
    if (this.#lines.overflowed && this.#state !== 'closed')
      this.#fault(`a line of more than ${controlLimits.requestBytes} bytes`);
  }

  async #answer(request: RawRequest): Promise<void> {
    this.#pending.add(request);
    const reply = await this.#replyTo(request);
    if (!this.#pending.delete(request)) return;
    this.#write(reply);
    this.#endWhenAnswered();
  }

  async #replyTo(request: RawRequest): Promise<ControlReply> {
    const { id } = request;
    try {
      const answer = await this.parts.ask(readQuestion(request.question), (progress) => {
        if (this.#pending.has(request)) this.#write({ id, progress });
      });
      return { id, answer };
    } catch (error) {
      return { id, error: toWire(error) };
    }
  }

  #write(line: Greeting | ControlReply): void {
    if (this.#state === 'closed') return;
    const { stream } = this.parts;
    if (stream.buffered >= controlLimits.waitingBytes) this.#fault('it does not read its answers');
    else stream.write(Buffer.from(`${JSON.stringify(line)}\n`));
  }

  #clientEnded(): void {
    if (this.#state === 'open') this.#state = 'ended';
    this.#endWhenAnswered();
  }

  #endWhenAnswered(): void {
    if (this.#state === 'ended' && this.#pending.size === 0) this.parts.stream.end();
  }

  #fault(reason: string): void {
    this.#drop();
    this.parts.onFault(reason);
  }

  #drop(): void {
    this.#state = 'closed';
    this.#pending.clear();
    this.parts.stream.destroy();
  }
}
