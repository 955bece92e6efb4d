/** The command's end of the control socket of one server. */
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { LineReader } from '@shoal/core/internal/control/line-reader';
import {
  controlProtocol,
  type ControlReply,
  type Greeting,
  type Rejection,
} from '@shoal/core/internal/control/protocol';
import { fromWire } from '@shoal/core/internal/errors';
import type { AnswerTo, Question, ReloadProgress } from '@shoal/core/internal/pipe/questions';

/** Bytes of the longest answer that is read. */
const longestAnswer = 16 * 1024 * 1024;

/** ms in which a server that lives has greeted. */
const patienceForGreeting = 2_000;

/** The server went away, or spoke no sense, before it had answered. */
export class ConnectionLost extends Error {}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
  onProgress(progress: ReloadProgress): void;
}

export class ControlClient {
  readonly #waiting = new Map<number, Waiting>();
  readonly #lines = new LineReader(longestAnswer);
  #requests = 0;
  #lost: ConnectionLost | undefined;
  #greeting: Greeting | undefined;
  #greeted!: { resolve(): void; reject(error: Error): void };
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;

  private constructor(
    private readonly socket: Socket,
    private readonly path: string,
  ) {
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#lose('the server closed the connection');
        resolve();
      });
    });
  }

  /** Rejects with the error of the system, `ConnectionLost`, or what the server refuses with. */
  static async connect(path: string, patience = patienceForGreeting): Promise<ControlClient> {
    const socket = connect({ path });
    await once(socket, 'connect');
    const client = new ControlClient(socket, path);
    const late = setTimeout(() => client.#lose(`the server at ${path} does not answer`), patience);
    try {
      await new Promise<void>((resolve, reject) => (client.#greeted = { resolve, reject }));
    } finally {
      clearTimeout(late);
    }
    return client;
  }

  get greeting(): Greeting {
    return this.#greeting!;
  }

  /** Rejects with what the server answers as an error, matched by `code`, or with `ConnectionLost`. */
  async ask<Asked extends Question>(
    question: Asked,
    onProgress: (progress: ReloadProgress) => void = () => {},
  ): Promise<AnswerTo<Asked>> {
    if (this.#lost !== undefined) throw this.#lost;
    const id = ++this.#requests;
    const answer = new Promise<unknown>((resolve, reject) =>
      this.#waiting.set(id, { resolve, reject, onProgress }),
    );
    this.socket.write(`${JSON.stringify({ id, question })}\n`);
    return (await answer) as AnswerTo<Asked>;
  }

  close(): void {
    this.socket.destroy();
  }

  #read(chunk: Buffer): void {
    for (const line of this.#lines.push(chunk)) {
      if (this.#lost !== undefined) return;
      const told = parse(line);
      if (told === undefined) this.#lose(`what listens at ${this.path} speaks another language`);
      else if (this.#greeting === undefined) this.#hearGreeting(told);
      else this.#hearReply(told as ControlReply);
    }
    if (this.#lines.overflowed) this.#lose('the server sent an answer without end');
  }

  #hearGreeting(told: Partial<Greeting & Rejection>): void {
    if (told.shoal !== controlProtocol) {
      const other =
        typeof told.shoal === 'number' ? `version ${told.shoal} of this protocol` : 'another language';
      this.#lose(`what listens at ${this.path} speaks ${other}`);
    } else if (told.error !== undefined) {
      this.#greeted.reject(fromWire(told.error));
      this.close();
    } else if (typeof told.name !== 'string' || typeof told.pid !== 'number') {
      this.#lose(`what listens at ${this.path} speaks another language`);
    } else {
      this.#greeting = told as Greeting;
      this.#greeted.resolve();
    }
  }

  #hearReply(reply: ControlReply): void {
    const waiting = this.#waiting.get(reply.id);
    if (waiting === undefined) {
      this.#lose('the server answered what nobody has asked');
    } else if ('progress' in reply) {
      waiting.onProgress(reply.progress);
    } else {
      this.#waiting.delete(reply.id);
      if ('error' in reply) waiting.reject(fromWire(reply.error));
      else waiting.resolve(reply.answer);
    }
  }

  /** The first reason counts. */
  #lose(reason: string): void {
    this.#lost ??= new ConnectionLost(reason);
    this.socket.destroy();
    this.#greeted.reject(this.#lost);
    for (const { reject } of this.#waiting.values()) reject(this.#lost);
    this.#waiting.clear();
  }
}

/** undefined for what is no object. */
function parse(line: string): object | undefined {
  try {
    const value = JSON.parse(line) as unknown;
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
