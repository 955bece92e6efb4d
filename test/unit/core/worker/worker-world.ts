import type { ById } from '@shoal/core/internal/role-actions';
import type { Container, ConnectionScope, HandlerSpec } from '@shoal/core/internal/definition';
import type { DatagramTarget } from '@shoal/core/internal/config/datagram-target';
import { Invoker } from '@shoal/core/internal/events/invoke';
import type { Part } from '@shoal/core/internal/pipe/parts';
import type { FileRequest, Introduction, Settlement } from '@shoal/core/internal/pipe/messages';
import { decodePayload, encodePayload } from '@shoal/core/internal/pipe/payload';
import type { Connection } from '@shoal/core/internal/worker/connection';
import type { ConnectionStream } from '@shoal/core/internal/worker/connection-stream';
import { Conversation } from '@shoal/core/internal/worker/conversation';
import { Conversations } from '@shoal/core/internal/worker/conversations';
import type { ServedListener } from '@shoal/core/internal/worker/served-listener';
import type { Sender, Settler, SocketOwner } from '@shoal/core/internal/worker/socket-owner';
import { keptLog } from '../log-lines.js';
import { ManualClock, promiseJobs } from '../pipe/manual-clock.js';

const introduction: Introduction = {
  listener: 0,
  remote: { address: '10.0.0.7', port: 40_000 },
  local: { address: '127.0.0.1', port: 9501 },
};

function text(parts: readonly Part[]): string {
  return parts.map((part) => (typeof part === 'string' ? part : Buffer.from(part).toString())).join('');
}

/** The owner of the sockets, as it is told; each entry begins with the connection's id. */
export class FakeOwner implements SocketOwner {
  readonly outlives = true;
  readonly log: string[] = [];
  congested = false;
  retired = false;
  flushed = true;
  flushes = 0;
  /** Who wrote, in order. */
  readonly writers: Sender[] = [];
  /** Bytes that one connection may have gathered. */
  limit = 1_000;

  admits(sender: Sender, bytes: number): boolean {
    return sender.unacknowledged + bytes <= this.limit;
  }

  settle({ id }: Settler, seq: number, how: Settlement): void {
    this.log.push(`${id}: settle ${seq}${how === 'handled' ? '' : ` ${how}`}`);
  }

  answer(
    { id }: Settler,
    seq: number,
    parts: readonly Part[],
    bytes: number,
    state: Buffer | undefined,
    ends: boolean,
  ): void {
    if (Buffer.byteLength(text(parts)) !== bytes) throw new Error('the bytes are counted wrong');
    const kept = state === undefined ? '' : ` and state ${JSON.stringify(decodePayload(state))}`;
    this.log.push(`${id}: answer ${seq} '${text(parts)}'${kept}${ends ? ' and end' : ''}`);
  }

  send({ id }: Sender, parts: readonly Part[], bytes: number): void {
    if (Buffer.byteLength(text(parts)) !== bytes) throw new Error('the bytes are counted wrong');
    this.log.push(`${id}: send '${text(parts)}'`);
  }

  end(connectionId: number, reset: boolean): void {
    this.log.push(`${connectionId}: ${reset ? 'reset' : 'end'}`);
  }

  giveUp({ id }: Settler, seq: number): void {
    this.log.push(`${id}: give up ${seq}`);
  }

  overflow(connectionId: number): void {
    this.log.push(`${connectionId}: overflow`);
  }

  keepState({ id }: Sender, state: Buffer): void {
    this.log.push(`${id}: state ${JSON.stringify(decodePayload(state))}`);
  }

  pin(connectionId: number): void {
    this.log.push(`${connectionId}: pin`);
  }

  write(sender: Sender, parts: readonly Part[], bytes: number): void {
    this.writers.push(sender);
    sender.unacknowledged += bytes;
    this.log.push(`${sender.id}: write '${text(parts)}'`);
  }

  endOutput(connectionId: number): void {
    this.log.push(`${connectionId}: end output`);
  }

  endLate(connectionId: number): void {
    this.log.push(`${connectionId}: end late`);
  }

  flush(): void {
    this.flushes++;
  }

  sendTo(): boolean {
    return false;
  }

  reserveDatagram(bytes: number): boolean {
    return bytes <= this.limit;
  }

  sendDatagram(
    { address, port }: DatagramTarget,
    data: Part,
    bytes: number,
    seq: number | undefined,
    settles: boolean,
  ): void {
    if (Buffer.byteLength(text([data])) !== bytes) throw new Error('the bytes are counted wrong');
    const to = seq === undefined ? '' : settles ? ` and settle ${seq}` : ` for ${seq}`;
    this.log.push(`datagram to ${address}:${port} '${text([data])}'${to}`);
  }

  async sendWait(connectionId: number, data: Part): Promise<void> {
    this.log.push(`${connectionId}: send and wait '${text([data])}'`);
  }

  async sendFile(connectionId: number, { path }: FileRequest): Promise<void> {
    this.log.push(`${connectionId}: file ${path}`);
  }

  read(connectionId: number, paused: boolean): boolean {
    this.log.push(`${connectionId}: ${paused ? 'pause' : 'resume'}`);
    return true;
  }

  notePending(seq: number): void {
    this.log.push(`pending ${seq}`);
  }

  announceAlone(seq: number | undefined): void {
    this.log.push(seq === undefined ? 'alone elsewhere' : `alone ${seq}`);
  }

  announceAloneOver(): void {
    this.log.push('alone over');
  }
}

export interface Handlers {
  readonly connect?: (connection: Connection) => unknown;
  readonly adopt?: (connection: Connection, reason: string) => unknown;
  readonly receive?: (
    connection: Connection,
    data: Buffer,
    delivery: { attempt: number; answered: number },
  ) => unknown;
  readonly close?: (connection: Connection, reason: string) => unknown;
  readonly connection?: (stream: ConnectionStream, connection: Connection) => unknown;
  readonly drain?: (connection: Connection) => unknown;
  readonly bufferFull?: (connection: Connection) => unknown;
  readonly bufferEmpty?: (connection: Connection) => unknown;
}

/** A promise that the test settles. */
export class Gate {
  open!: () => void;
  fail!: (error: Error) => void;
  readonly passed = new Promise<void>((resolve, reject) => {
    this.open = resolve;
    this.fail = reject;
  });
}

export interface WorldOptions {
  readonly concurrency?: number;
  readonly handlerTimeout?: number;
  readonly keepsState?: boolean;
  readonly container?: Container;
  /** Bytes. */
  readonly highWatermark?: number;
  readonly outputOverflow?: ServedListener['outputOverflow'];
}

const unasked = (): never => {
  throw new Error('nothing is done by an id here');
};

/** Of workers in tests in which no connection moves and is used afterwards. */
export const nobodyById: ById = {
  send: unasked,
  close: unasked,
  get acts(): never {
    return unasked();
  },
  clients: { sendWait: unasked, sendFile: unasked, read: unasked },
};

/** The connections of one worker, between the handlers of a test and fake owners of their sockets. */
export class WorkerWorld {
  readonly clock = new ManualClock();
  readonly invoker: Invoker;
  readonly lines;
  readonly owner = new FakeOwner();
  readonly owners: SocketOwner[] = [this.owner];
  readonly conversations: Conversations;
  readonly #listener: ServedListener;
  #seq = 0;

  constructor(handlers: Handlers, options: WorldOptions = {}) {
    const { concurrency = 1, handlerTimeout = 0, keepsState = true, container } = options;
    const { outputOverflow = 'close', highWatermark = Infinity } = options;
    const { logger, lines } = keptLog();
    this.lines = lines;
    this.invoker = new Invoker(logger, undefined, this.clock, handlerTimeout);
    const { invoker, clock, owners } = this;
    this.conversations = new Conversations(
      invoker,
      clock,
      container,
      container !== undefined,
      keepsState,
      () => owners,
    );
    const spec = (event: keyof Handlers): HandlerSpec | undefined => {
      const run = handlers[event];
      return run && { event, label: `Chat.${event}`, target: { kind: 'function', run } };
    };
    this.#listener = {
      name: 'chat',
      concurrency,
      handlerTimeout,
      framing: 'raw',
      streamWindow: 100,
      outputOverflow,
      bufferHighWatermark: highWatermark,
      bufferLowWatermark: 0,
      handlers: {
        connect: spec('connect'),
        adopt: spec('adopt'),
        receive: spec('receive'),
        close: spec('close'),
        connection: spec('connection'),
        drain: spec('drain'),
        bufferFull: spec('bufferFull'),
        bufferEmpty: spec('bufferEmpty'),
      },
    };
  }

  /** A connection that is served without events of its own. */
  serve(id: number, owner: SocketOwner = this.owner): Conversation {
    const conversation = this.introduce(id, undefined, owner);
    conversation.beginSilently();
    return conversation;
  }

  /** A connection whose connect or adopt has yet to come. */
  introduce(id: number, state?: unknown, owner: SocketOwner = this.owner, adopted?: 'retired'): Conversation {
    const all = adopted === undefined ? introduction : { ...introduction, reason: adopted };
    const kept = state === undefined ? undefined : encodePayload(state);
    const conversation = new Conversation(id, this.#listener, all, owner, kept, this.conversations);
    this.conversations.add(conversation);
    return conversation;
  }

  /** Gives a packet; returns its number. */
  packet(
    conversation: Conversation,
    body = 'x',
    options: { isolated?: boolean; attempt?: number; answered?: number } = {},
  ): number {
    const { isolated = false, attempt = 1, answered = 0 } = options;
    const bytes = Buffer.from(body);
    conversation.packet(++this.#seq, bytes, 0, bytes.length, attempt, answered, isolated);
    return this.#seq;
  }

  begin(conversation: Conversation, kind: 'connect' | 'adopt' = 'connect'): number {
    conversation.begin(kind, ++this.#seq, false);
    return this.#seq;
  }

  end(conversation: Conversation, reason = 'client'): number {
    conversation.end(++this.#seq, reason, false);
    return this.#seq;
  }

  /** Lets promise jobs run, then ends the turn. */
  async turn(): Promise<void> {
    await promiseJobs();
    while (this.clock.turn());
  }
}

/** A container of objects for connections, which says what is made and disposed. */
export function scopesOf(log: string[], make: (log: string[]) => object): Container {
  return {
    resolve: () => {
      throw new Error('nothing is of the process');
    },
    openScope: (bindings): ConnectionScope => {
      let made: object | undefined;
      log.push(`scope with ${bindings.length}`);
      return {
        resolve: () => (made ??= make(log)),
        dispose: async () => void log.push('disposed'),
      };
    },
    dispose: async () => {},
  };
}
