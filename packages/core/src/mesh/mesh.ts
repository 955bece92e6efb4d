/**
 * The pipes between workers, task workers, user processes, manager and master.
 *
 * Each process that others may want something of listens on a path of its own.
 * A pipe to it is opened by whoever needs one first, and carries what that one
 * asks in one direction and the answers in the other; what the other process
 * asks itself goes over a pipe that it opens. Who lives, and as what, the manager
 * tells (`peers`). In process mode the reactors are goals too, of what is sent to
 * connections.
 *
 * The streams lend their chunks: what a frame brings is decoded at once, or copied.
 */
import type { Logger } from '../log.js';
import { PIPE_VERSION, type Hello, type Peer } from '../pipe/messages.js';
import { reactorPath } from '../pipe/runtime-paths.js';
import type { Platform } from '../platform/platform.js';
import { Guest, type GuestEvents } from './guest.js';
import { Peers } from './peers.js';
import { Way, type WayEvents } from './way.js';

/** A process that lives and cannot be reached is tried again after so many ms. */
const RETRY_MS = 100;

export type MeshIdentity = Omit<Hello, 'version'>;

export function meshPath(directory: string, incarnation: number): string {
  return `${directory}/w${incarnation}.sock`;
}

export interface MeshParts {
  readonly platform: Platform;
  readonly logger: Logger;
  readonly directory: string;
  /** The largest body that a process may send, in bytes. */
  readonly maxBodyBytes: number;
  readonly ways: WayEvents;
  readonly guests: GuestEvents;
}

export class Mesh {
  readonly #peers = new Peers();
  /** By incarnation; a reactor has -1 and its index below that. */
  readonly #ways = new Map<number, Way>();
  readonly #guests = new Set<Guest>();
  #identity: MeshIdentity | undefined;
  #listener: { close(): Promise<void> } | undefined;
  #state: 'open' | 'retired' | 'closed' = 'open';

  constructor(private readonly parts: MeshParts) {}

  get guests(): ReadonlySet<Guest> {
    return this.#guests;
  }

  /** Who this is, before anything is opened; a spare learns it late. */
  identify(identity: MeshIdentity): void {
    this.#identity = identity;
  }

  /** Takes pipes of others from here on. */
  async listen(): Promise<void> {
    const { platform, directory, maxBodyBytes, guests } = this.parts;
    const path = meshPath(directory, this.#identity!.incarnation);
    this.#listener = await platform.pipes.listen(
      path,
      (stream) => {
        const guest = new Guest(stream, platform.clock, maxBodyBytes, guests, (gone) =>
          this.#guests.delete(gone),
        );
        this.#guests.add(guest);
        if (this.#state === 'retired') guest.retire();
      },
      'lent',
    );
    if (this.#state === 'closed') void this.#listener.close();
  }

  setPeers(peers: readonly Peer[]): void {
    this.#peers.set(peers);
  }

  /** The way to the process that has the place of that id, which may have to open first; undefined while there is none. */
  wayTo(workerId: number): Way | undefined {
    const peer = this.#peers.current(workerId);
    return peer === undefined ? undefined : this.#way(peer);
  }

  /** The way to that very process; undefined when it is gone, and to this one: its sockets are at hand. */
  wayToIncarnation(incarnation: number): Way | undefined {
    if (incarnation === this.#identity?.incarnation) return undefined;
    const peer = this.#peers.living(incarnation);
    return peer === undefined ? undefined : this.#way(peer);
  }

  /** process mode: the way to that reactor; undefined while nobody knows who this process is. */
  wayToReactor(index: number): Way | undefined {
    if (this.#identity === undefined) return undefined;
    return this.#way({ role: 'reactor', workerId: -1, incarnation: -1 - index, current: true });
  }

  /** base mode: the ways to all workers but this process, those included that are on their way out. */
  *waysToWorkers(): Generator<Way, void> {
    for (const peer of this.#peers.all()) {
      if (peer.role !== 'worker' || peer.incarnation === this.#identity?.incarnation) continue;
      const way = this.#way(peer);
      if (way !== undefined) yield way;
    }
  }

  /** Whether there is a pipe from or to that process, so that something of it may still come. */
  knows(incarnation: number): boolean {
    if (this.#ways.has(incarnation)) return true;
    return [...this.#guests].some((guest) => guest.incarnation === incarnation);
  }

  /** This process begins to leave: others must look for somebody else. */
  retire(): void {
    if (this.#state !== 'open') return;
    this.#state = 'retired';
    for (const guest of this.#guests) guest.retire();
  }

  /** The end of this process is planned: everything that was given to a pipe is flushed. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    void this.#listener?.close();
    for (const guest of this.#guests) guest.dismiss();
    for (const way of this.#ways.values()) way.finish();
  }

  /** Bytes that are not with the system yet, of all pipes. */
  get backlog(): number {
    let bytes = 0;
    for (const guest of this.#guests) bytes += guest.backlog;
    for (const way of this.#ways.values()) bytes += way.backlog;
    return bytes;
  }

  #way(peer: Peer): Way | undefined {
    if (this.#state === 'closed') return undefined;
    const known = this.#ways.get(peer.incarnation);
    // A spare that has no id yet has nobody to speak as.
    if (known !== undefined || this.#identity === undefined) return known;
    const { ways } = this.parts;
    const way: Way = new Way(peer, {
      opened: (it) => ways.opened(it),
      reply: (it, number, flags, buffer, start, end) => ways.reply(it, number, flags, buffer, start, end),
      result: (parcel, flags, buffer, start, end) => ways.result(parcel, flags, buffer, start, end),
      told: (it, kind, flags, id, buffer, start, end) => ways.told(it, kind, flags, id, buffer, start, end),
      outcome: (it, seq, flags, count, buffer, start, end) =>
        ways.outcome(it, seq, flags, count, buffer, start, end),
      response: (it, number, buffer, start, end) => ways.response(it, number, buffer, start, end),
      resultInFile: (parcel, flags, name, taken) => ways.resultInFile(parcel, flags, name, taken),
      retired: (it) => ways.retired(it),
      turn: (it) => ways.turn(it),
      drained: (it) => ways.drained(it),
      closed: (it, unsettled) => {
        this.#ways.delete(peer.incarnation);
        ways.closed(it, unsettled);
      },
    });
    this.#ways.set(peer.incarnation, way);
    this.#connect(peer, way);
    return way;
  }

  #connect(peer: Peer, way: Way): void {
    const { platform, maxBodyBytes, logger } = this.parts;
    platform.pipes.connect(this.#pathOf(peer), 'lent').then(
      (stream) => {
        const guest = peer.role === 'reactor' ? ({ serves: false } as const) : {};
        const hello = { version: PIPE_VERSION, ...this.#identity!, ...guest };
        way.attach(stream, platform.clock, hello, maxBodyBytes);
      },
      (error: unknown) => {
        const lives = peer.role === 'reactor' || this.#peers.living(peer.incarnation) !== undefined;
        if (lives && this.#state !== 'closed') logger.warn(`cannot reach ${titleOf(peer)}`, { error });
        // Whoever waits for it asks again then; in vain if it is gone.
        if (lives && this.#state !== 'closed') platform.clock.setTimer(RETRY_MS, () => way.finish());
        else way.finish();
      },
    );
  }

  #pathOf({ role, incarnation }: Peer): string {
    const { directory } = this.parts;
    return role === 'reactor' ? reactorPath(directory, -1 - incarnation) : meshPath(directory, incarnation);
  }
}

function titleOf({ role, workerId, incarnation }: Peer): string {
  return role === 'reactor'
    ? `reactor ${-1 - incarnation}`
    : `worker ${workerId}, incarnation ${incarnation}`;
}
