/** Gives a worker of base mode its own reactor, listeners, and the way to the other workers. */
import { isStream } from '../config/limits.js';
import { placeOf } from '../config/place.js';
import { listenFailed } from '../errors.js';
import { createFraming } from '../framing/create-framing.js';
import type { Logger } from '../log.js';
import type { Place, WorkerAssignment } from '../pipe/assignments.js';
import type { Certificates } from '../pipe/notes.js';
import type { ClientInfo } from '../pipe/questions.js';
import type { BoundListener, Endpoint, Platform } from '../platform/platform.js';
import { ConnectionIds } from '../pipe/connection-ids.js';
import { takeRequest } from '../reactor/client-requests.js';
import { doorMemory } from '../reactor/door/door-memory.js';
import { Reactor } from '../reactor/reactor.js';
import { OwnSockets } from '../worker/own-sockets.js';
import type { Worker } from '../worker/worker.js';
import type { Exchange } from './exchange.js';

/** What connections get of the time of a worker that must go, if they do not close by themselves: to flush and end, in ms. */
const LAST_DRAIN_MS = 1_500;

/** All connections of a worker's own reactor go to that worker. */
const toItself = { sticky: true, pick: () => 0 };

export class BaseSockets {
  #reactor: Reactor | undefined;
  readonly #bound = new Map<number, BoundListener>();
  #received: (() => void) | undefined;

  constructor(
    private readonly platform: Platform,
    private readonly assignment: Place & {
      readonly settings: WorkerAssignment['settings'];
    },
    private readonly logger: Logger,
    private readonly exchange: Exchange,
  ) {}

  /** New connections are secured by these from now on. */
  secure(certificates: Certificates): void {
    this.#reactor?.secure(certificates);
  }

  /** A socket that the manager has bound. */
  receive(listener: number, bound: BoundListener): void {
    this.#bound.set(listener, bound);
    this.#received?.();
  }

  /** Makes the reactor; what it accepts waits until the sockets are served. */
  async prepare(): Promise<void> {
    const { settings, incarnation } = this.assignment;
    const { clock, files, network, random } = this.platform;
    const framings = await Promise.all(
      settings.listeners.map(async (each) => (isStream(each) ? createFraming(each.framing) : undefined)),
    );
    const ids = ConnectionIds.ofWorker(incarnation);
    const own = { ...settings, workerNum: 1 };
    const reactor = new Reactor({
      clock,
      files,
      network,
      logger: this.logger,
      settings: own,
      ids,
      dispatch: toItself,
      framings,
      door: doorMemory(own, random),
      observe: this.platform.observe,
    });
    this.#reactor = reactor;
    // Other processes may send to what this one owns.
    this.exchange.connections = {
      send: (id, buffer, start, end, pid) => {
        // The pipe lends its chunks, and a client may take its time.
        const own = Buffer.from(buffer.subarray(start, end));
        reactor.connection(id)?.send(own, 0, own.length, pid);
      },
      end: (id, reset) => reactor.end(id, reset),
      order: (headBytes, buffer, start, end, pid) => {
        const own = Buffer.from(buffer.subarray(start, end));
        reactor.desk.order(headBytes, own, 0, own.length, pid);
      },
      answer: (buffer, start, end) => reactor.desk.request(buffer, start, end),
      sendTo: (port, count, buffer, start, end, pid) =>
        reactor.datagrams.sendFrame(
          port,
          count,
          Buffer.from(buffer.subarray(start, end)),
          0,
          end - start,
          pid,
        ),
      request: (guest, kind, flags, id, seq, buffer, start, end) => {
        const own = Buffer.from(buffer.subarray(start, end));
        takeRequest(reactor, guest, kind, flags, id, seq, own, 0, own.length);
      },
    };
  }

  open(worker: Worker): OwnSockets {
    const { incarnation, workerId } = this.assignment;
    const { clock, self } = this.platform;
    const reactor = this.#reactor!;
    return new OwnSockets(
      incarnation,
      self.pid,
      workerId,
      reactor,
      reactor.slots[0]!,
      clock,
      worker,
      this.exchange.foreign,
      this.exchange.directory,
    );
  }

  /** Accepts on the sockets that the manager gives. */
  async adoptListeners(): Promise<void> {
    const { listeners } = this.assignment.settings;
    while (this.#bound.size < listeners.length)
      await new Promise<void>((resolve) => (this.#received = resolve));
    for (const index of listeners.keys()) await this.#reactor!.adopt(index, this.#bound.get(index)!);
  }

  /** Accepts on sockets of its own, in a server of one process. */
  async listen(descriptors: readonly (number | undefined)[]): Promise<Endpoint[]> {
    const endpoints: Endpoint[] = [];
    for (const [index, listener] of this.assignment.settings.listeners.entries()) {
      try {
        endpoints.push(await this.#reactor!.listen(index, { descriptor: descriptors[index] }));
      } catch (cause) {
        throw listenFailed(listener.name, placeOf(listener), cause);
      }
    }
    return endpoints;
  }

  async drain(deadline: number): Promise<void> {
    await this.#reactor?.drain(deadline);
  }

  /** Accepts nothing more, and serves its connections until they close; those that are left near the end of `deadline` ms are ended. */
  async outlast(deadline: number): Promise<void> {
    await this.#reactor?.outlast(Math.max(0, deadline - LAST_DRAIN_MS));
    await this.#reactor?.drain(LAST_DRAIN_MS);
  }

  get openConnections(): number {
    return this.#reactor?.openConnections ?? 0;
  }

  clientInfo(id: number): ClientInfo | undefined {
    return this.#reactor?.clientInfo(id);
  }

  connectionsAfter(after: number, limit: number): readonly ClientInfo[] {
    return this.#reactor?.connectionsAfter(after, limit) ?? [];
  }
}
