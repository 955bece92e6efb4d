import { userInfo } from 'node:os';
import { ConfigError } from '../../errors.js';

interface Identity {
  readonly user: string | number;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/**
 * The user that this process becomes when all that needs root is done.
 *
 * Until then files are made as that user by a change of the effective ids for
 * the time of one synchronous call, so that a file is refused at start that could
 * not be opened later. Node changes ids in the main thread only, and the C
 * library changes them in all threads of the process at once.
 */
export class FutureUser {
  #identity: Identity | undefined;

  /** @throws {ConfigError} CONFIG_USER */
  prepare(user: string, group: string | undefined): void {
    if (process.geteuid?.() === 0) this.#identity = identityOf(user, group);
    else requireSame(user, group);
  }

  /** Does the work as the user that this process will be. */
  act<T>(work: () => T): T {
    const identity = this.#identity;
    if (identity === undefined) return work();
    const groups = process.getgroups!();
    const gid = process.getegid!();
    process.setgroups!(identity.groups);
    process.setegid!(identity.gid);
    process.seteuid!(identity.uid);
    try {
      return work();
    } finally {
      process.seteuid!(0);
      process.setegid!(gid);
      process.setgroups!(groups);
    }
  }

  get owner(): { readonly uid: number; readonly gid: number } | undefined {
    return this.#identity;
  }

  /** Groups first: without root they could not be changed any more. */
  become(): void {
    const identity = this.#identity;
    if (identity === undefined) return;
    process.setgroups!(identity.groups);
    process.setgid!(identity.gid);
    process.setuid!(identity.uid);
    this.#identity = undefined;
  }
}

/** Node's types lack it. */
type WithInitgroups = NodeJS.Process & { initgroups(user: string | number, group: number): void };

/** What is a number is an id; no user is called so. */
function idOf(word: string): string | number {
  return /^\d{1,10}$/.test(word) ? Number(word) : word;
}

function identityOf(userWord: string, groupWord: string | undefined): Identity {
  const user = idOf(userWord);
  const gidBefore = process.getegid!();
  const groupsBefore = process.getgroups!();
  try {
    const { uid, ownGid } = lookUp(user);
    if (groupWord !== undefined) become(() => process.setegid!(idOf(groupWord)), `group ${groupWord}`);
    else if (ownGid !== undefined) process.setegid!(ownGid);
    else
      throw new ConfigError('CONFIG_USER', `user ${user} has no entry and so no group: write group as well`);
    const gid = process.getegid!();
    // A number without an entry is in no other group.
    if (ownGid === undefined) process.setgroups!([gid]);
    else (process as WithInitgroups).initgroups(user, gid);
    return { user, uid, gid, groups: process.getgroups!() };
  } finally {
    process.setegid!(gidBefore);
    process.setgroups!(groupsBefore);
  }
}

/** The system's own tables, whatever they are made of: they are asked by becoming that user for a moment. */
function lookUp(user: string | number): { readonly uid: number; readonly ownGid: number | undefined } {
  become(() => process.seteuid!(user), `user ${user}`);
  try {
    return { uid: process.geteuid!(), ownGid: entryOf()?.gid };
  } finally {
    process.seteuid!(0);
  }
}

function entryOf(): { readonly gid: number } | undefined {
  try {
    return userInfo();
  } catch {
    return undefined;
  }
}

function become(change: () => void, whom: string): void {
  try {
    change();
  } catch (cause) {
    const unknown = (cause as NodeJS.ErrnoException).code === 'ERR_UNKNOWN_CREDENTIAL';
    const reason = unknown ? 'this system does not know it' : (cause as Error).message;
    throw new ConfigError(
      'CONFIG_USER',
      `cannot become ${whom}: ${reason}. Write one that exists, or create it`,
      {
        cause,
      },
    );
  }
}

/** One configuration serves root and the user itself. */
function requireSame(user: string, group: string | undefined): void {
  const uid = process.geteuid?.();
  const gid = process.getegid?.();
  const same = user === nameOf() || user === String(uid);
  if (same && (group === undefined || group === String(gid) || process.getegid === undefined)) return;
  throw new ConfigError(
    'CONFIG_USER',
    `cannot become user ${user}${group === undefined ? '' : ` and group ${group}`}: only root can, and this process has the uid ${uid} and the gid ${gid}. Start it as root, or remove user and group`,
  );
}

function nameOf(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}
