/**
 * What any process may want of connections, wherever their sockets are: orders,
 * which go one way, and requests, which are answered.
 *
 * Both go over the pipe that also carries the sends of that process to that
 * owner, so that their order holds. What concerns many connections, those of a
 * group or of a uid, goes once to each owner that may have some, and that knows
 * which.
 */
import { joinParts, type Part } from './parts.js';

/** What an application calls somebody whose connections belong together. 1 and `'1'` are two. */
export type Uid = string | number;

export type Order =
  /** `heartbeatIdleTime` and `maxIdleTime` do not close it, or do again. */
  | { readonly what: 'protect'; readonly id: number; readonly on: boolean }
  | { readonly what: 'join' | 'leave'; readonly id: number; readonly group: string }
  /** The data goes to every member but those in `except`. */
  | { readonly what: 'sendToGroup'; readonly group: string; readonly except: readonly number[] }
  | { readonly what: 'sendToUid'; readonly uid: Uid }
  | { readonly what: 'closeGroup'; readonly group: string; readonly reset: boolean }
  | { readonly what: 'closeUid'; readonly uid: Uid; readonly reset: boolean };

export type Request =
  /** Whether the connection has that uid now. */
  | { readonly what: 'bind'; readonly id: number; readonly uid: Uid }
  /** Names of its groups, in the order in which it has joined them. */
  | ({ readonly what: 'groupsOf'; readonly id: number } & PageRequest)
  | { readonly what: 'isOnline'; readonly uid: Uid }
  | { readonly what: 'groupSize'; readonly group: string }
  /** Connections above a place in the owner's own order, which begins above 0. */
  | ({ readonly what: 'members'; readonly group: string } & PageRequest)
  | ({ readonly what: 'connectionsOf'; readonly uid: Uid } & PageRequest)
  /** Those that have been silent for longer than `heartbeatIdleTime`. */
  | ({ readonly what: 'stale'; readonly close: boolean } & PageRequest);

interface PageRequest {
  readonly after: number;
  readonly limit: number;
}

export interface Page {
  readonly ids: readonly number[];
  /** The place of the last one; undefined when there are no more. */
  readonly next?: number;
}

/** As `Page`, of names. */
export interface NamePage {
  readonly names: readonly string[];
  readonly next?: number;
}

export interface Answers {
  readonly bind: boolean;
  readonly groupsOf: NamePage;
  readonly isOnline: boolean;
  readonly groupSize: number;
  readonly members: Page;
  readonly connectionsOf: Page;
  readonly stale: Page;
}

export type AnswerOf<Asked extends Request> = Answers[Asked['what']];

/** `id` of an order or a request that concerns more than one connection: it waits for what was sent before, to whomever. */
export const EVERYBODY = Number.MAX_SAFE_INTEGER;

/** An order as it travels: encoded once, for however many owners. */
export interface OrderFrame {
  /** Of the frame: a connection, or `EVERYBODY`. */
  readonly id: number;
  readonly headBytes: number;
  /** The head, then the data. */
  readonly parts: readonly Part[];
  readonly bytes: number;
}

export function encodeOrder(order: Order, data: Part | undefined, dataBytes: number): OrderFrame {
  const head = Buffer.from(JSON.stringify(order));
  const id = 'id' in order ? order.id : EVERYBODY;
  const parts = data === undefined ? [head] : [head, data];
  return { id, headBytes: head.length, parts, bytes: head.length + dataBytes };
}

/** The same with data of its own: whoever sends may use its buffer for something else. */
export function keptOrder(frame: OrderFrame): OrderFrame {
  return { ...frame, parts: [joinParts(frame.parts, frame.bytes)] };
}

/** The head of an order whose body is `buffer[start, …)`. */
export function decodeOrder(buffer: Buffer, start: number, headBytes: number): Order {
  return JSON.parse(buffer.toString('utf8', start, start + headBytes)) as Order;
}

export function requestId(request: Request): number {
  return 'id' in request ? request.id : EVERYBODY;
}

/** The answer of an owner that has no connections. */
export function answerOfNobody<Asked extends Request>({ what }: Asked): AnswerOf<Asked> {
  // Each kind of request has its own, which the compiler cannot tell from the index.
  const answers: Answers = {
    bind: false,
    groupsOf: { names: [] },
    isOnline: false,
    groupSize: 0,
    members: { ids: [] },
    connectionsOf: { ids: [] },
    stale: { ids: [] },
  };
  return answers[what] as AnswerOf<Asked>;
}

/** The same for a request as it came, and as it goes. */
export function nobodysAnswer(buffer: Buffer, start: number, end: number): Buffer {
  const request = JSON.parse(buffer.toString('utf8', start, end)) as Request;
  return Buffer.from(JSON.stringify(answerOfNobody(request)));
}
