import { codeOf, HandlerError, ProcessError } from '../errors.js';
import { factText, type Observe } from '../events/facts.js';
import { checkGroup, checkUid } from '../pipe/names.js';
import {
  answerOfNobody,
  encodeOrder,
  type AnswerOf,
  type NamePage,
  type Order,
  type Request,
  type Uid,
} from '../pipe/orders.js';
import { byteLength, type Part } from '../pipe/parts.js';
import type { ConnectionDirectory, ConnectionOwner } from './connection-directory.js';

/** Connections that one send to a group may leave out. */
const MOST_EXCEPTIONS = 1_000;
/** Connections that one answer lists. */
const PAGE = 1_000;
/** Names that one answer lists: with the longest ones it still fits into a frame, which every process takes. */
const NAMES_PAGE = 50;

export interface ActsParts {
  /** Undefined until this process has found its owners of sockets. */
  readonly directory: () => ConnectionDirectory | undefined;
  readonly observe: Observe | undefined;
  /** What this process has gathered for single connections goes before what is for many. */
  readonly flushFirst?: () => void;
  /** Something was given to that owner which must be with the system before a settlement elsewhere. */
  readonly ordered?: (owner: ConnectionOwner) => void;
}

/** What one process does with connections, wherever their sockets are, beside sending to one and closing it. */
export class ConnectionActs {
  constructor(private readonly parts: ActsParts) {}

  protect(id: number, on: boolean): boolean {
    return this.#orderOne({ what: 'protect', id, on });
  }

  /** Throws `HandlerError` GROUP_INVALID, like all that follow with a group. */
  join(id: number, group: string): boolean {
    checkGroup(group);
    return this.#orderOne({ what: 'join', id, group });
  }

  leave(id: number, group: string): boolean {
    checkGroup(group);
    return this.#orderOne({ what: 'leave', id, group });
  }

  sendToGroup(group: string, data: Part, except: readonly number[]): boolean {
    checkGroup(group);
    checkExceptions(except);
    const send = { what: 'sendToGroup', group, except } as const;
    return this.#send(send, { to: { group }, except }, data, (directory) => directory.ownersOfGroup(group));
  }

  /** Throws `HandlerError` UID_INVALID, like all that follow with a uid. */
  sendToUid(uid: Uid, data: Part): boolean {
    checkUid(uid);
    const send = { what: 'sendToUid', uid } as const;
    return this.#send(send, { to: { uid }, except: [] }, data, (directory) => directory.ownersOfUid(uid));
  }

  closeGroup(group: string, reset: boolean): boolean {
    checkGroup(group);
    this.#observeEnd({ group }, reset);
    const close = { what: 'closeGroup', group, reset } as const;
    return this.#orderMany(close, undefined, 0, (directory) => directory.ownersOfGroup(group));
  }

  closeUid(uid: Uid, reset: boolean): boolean {
    checkUid(uid);
    this.#observeEnd({ uid }, reset);
    const close = { what: 'closeUid', uid, reset } as const;
    return this.#orderMany(close, undefined, 0, (directory) => directory.ownersOfUid(uid));
  }

  async bind(id: number, uid: Uid): Promise<boolean> {
    checkUid(uid);
    return this.#askOne({ what: 'bind', id, uid });
  }

  async groupsOf(id: number): Promise<readonly string[]> {
    const names: string[] = [];
    for (let after: number | undefined = -1; after !== undefined;) {
      const page: NamePage = await this.#askOne({ what: 'groupsOf', id, after, limit: NAMES_PAGE });
      names.push(...page.names);
      after = page.next;
    }
    return names;
  }

  async isOnline(uid: Uid): Promise<boolean> {
    checkUid(uid);
    const directory = this.#directory();
    const answers = await askAll(directory, directory.ownersOfUid(uid), { what: 'isOnline', uid });
    return answers.includes(true);
  }

  async groupSize(group: string): Promise<number> {
    checkGroup(group);
    const directory = this.#directory();
    const sizes = await askAll(directory, directory.ownersOfGroup(group), { what: 'groupSize', group });
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  async *members(group: string): AsyncGenerator<number, void> {
    checkGroup(group);
    const directory = this.#directory();
    for (const owner of [...directory.ownersOfGroup(group)])
      yield* pages(directory, owner, (page) => ({ what: 'members', group, ...page }));
  }

  async *connectionsOf(uid: Uid): AsyncGenerator<number, void> {
    checkUid(uid);
    const directory = this.#directory();
    for (const owner of [...directory.ownersOfUid(uid)])
      yield* pages(directory, owner, (page) => ({ what: 'connectionsOf', uid, ...page }));
  }

  /** Connections that have been silent for longer than they may, which are closed then if `close` says so. */
  async stale(close: boolean): Promise<number[]> {
    const directory = this.#directory();
    const stale: number[] = [];
    for (const owner of [...directory.owners()])
      for await (const id of pages(directory, owner, (page) => ({ what: 'stale', close, ...page })))
        stale.push(id);
    return stale;
  }

  #send(
    order: Order,
    fact: {
      readonly to: { readonly group: string } | { readonly uid: Uid };
      readonly except: readonly number[];
    },
    data: Part,
    owners: (directory: ConnectionDirectory) => Iterable<ConnectionOwner>,
  ): boolean {
    const bytes = byteLength(data);
    if (bytes === 0) return true;
    // Before it is on its way: an owner in this process writes at once.
    this.parts.observe?.({ kind: 'sentToMany', ...fact, bytes, data: factText(data) });
    return this.#orderMany(order, data, bytes, owners);
  }

  #observeEnd(to: { readonly group: string } | { readonly uid: Uid }, reset: boolean): void {
    this.parts.observe?.({ kind: 'endedMany', to, reset });
  }

  #orderOne(order: Order & { readonly id: number }): boolean {
    const owner = this.parts.directory()?.ownerOf(order.id);
    if (owner?.order(encodeOrder(order, undefined, 0)) !== true) return false;
    this.parts.ordered?.(owner);
    return true;
  }

  /** Tells every owner once, and says whether there was room for it at all of them. */
  #orderMany(
    order: Order,
    data: Part | undefined,
    bytes: number,
    owners: (directory: ConnectionDirectory) => Iterable<ConnectionOwner>,
  ): boolean {
    const directory = this.parts.directory();
    if (directory === undefined) return false;
    this.parts.flushFirst?.();
    const frame = encodeOrder(order, data, bytes);
    let all = true;
    for (const owner of owners(directory)) {
      if (owner.order(frame)) this.parts.ordered?.(owner);
      else all = false;
    }
    return all;
  }

  async #askOne<Asked extends Request & { readonly id: number }>(request: Asked): Promise<AnswerOf<Asked>> {
    const directory = this.#directory();
    const owner = directory.ownerOf(request.id);
    return owner === undefined ? answerOfNobody(request) : ask(directory, owner, request);
  }

  #directory(): ConnectionDirectory {
    const directory = this.parts.directory();
    if (directory !== undefined) return directory;
    throw new ProcessError('NOT_IN_THIS_ROLE', 'this process has not found the connections yet');
  }
}

async function askAll<Asked extends Request>(
  directory: ConnectionDirectory,
  owners: Iterable<ConnectionOwner>,
  request: Asked,
): Promise<AnswerOf<Asked>[]> {
  return Promise.all([...owners].map(async (owner) => ask(directory, owner, request)));
}

async function ask<Asked extends Request>(
  { diesWithOwner }: ConnectionDirectory,
  owner: ConnectionOwner,
  request: Asked,
): Promise<AnswerOf<Asked>> {
  try {
    return (await owner.request(request)) as AnswerOf<Asked>;
  } catch (error) {
    if (diesWithOwner && codeOf(error) === 'ASK_LOST') return answerOfNobody(request);
    throw error;
  }
}

async function* pages<Asked extends Request & { readonly what: 'members' | 'connectionsOf' | 'stale' }>(
  directory: ConnectionDirectory,
  owner: ConnectionOwner,
  request: (page: { readonly after: number; readonly limit: number }) => Asked,
): AsyncGenerator<number, void> {
  for (let after: number | undefined = -1; after !== undefined;) {
    const page: AnswerOf<Asked> = await ask(directory, owner, request({ after, limit: PAGE }));
    yield* page.ids;
    after = page.next;
  }
}

function checkExceptions(except: unknown): void {
  const fits =
    Array.isArray(except) && except.length <= MOST_EXCEPTIONS && except.every(Number.isSafeInteger);
  if (fits) return;
  throw new HandlerError(
    'GROUP_INVALID',
    `'except' is a list of at most ${MOST_EXCEPTIONS} ids of connections; for more make a group of those that are meant`,
  );
}
