import type { BoundListener, ByteStream, Endpoint, Listener } from '@shoal/core/internal/platform/platform';
import type { Actor, Resource } from './actor.js';
import { GRAIN, type Scheduler } from './scheduler.js';
import type { Prng } from './prng.js';
import type { VirtualStream } from './virtual-stream.js';

/**
 * A listening socket of the virtual machine: who holds it, who accepts on it,
 * and the connections that nobody has accepted yet. It goes when its last
 * holder does, and resets what still waits.
 */
export class VirtualSocket {
  readonly #acceptors: Acceptor[] = [];
  readonly #waiting: VirtualStream[] = [];
  #holders = 0;

  constructor(
    readonly endpoint: Endpoint,
    private readonly kind: { readonly reusePort: boolean; readonly ipv6Only: boolean },
    private readonly backlog: number,
    private readonly scheduler: Scheduler,
    private readonly random: Prng,
    private readonly release: (socket: VirtualSocket) => void,
  ) {}

  /** Of a unix socket: takes it out of the directory. */
  removeName: () => void = () => {};

  get reusePort(): boolean {
    return this.kind.reusePort;
  }

  get ipv6Only(): boolean {
    return this.kind.ipv6Only;
  }

  /** False when the queue of connections is full; the client has to try again. */
  offer(stream: VirtualStream): boolean {
    if (this.#waiting.length >= Math.max(1, this.backlog)) return false;
    this.#waiting.push(stream);
    this.#wakeOne();
    return true;
  }

  hold(): void {
    this.#holders++;
  }

  letGo(): void {
    if (--this.#holders > 0) return;
    this.release(this);
    for (const stream of this.#waiting.splice(0)) stream.destroy(true);
  }

  /** `owned`: the socket was made for this listener, and its name goes when that closes. */
  accept(actor: Actor, accept: (stream: ByteStream) => void, owned: boolean): Listener {
    const acceptor = new Acceptor(this, actor, accept, this.scheduler, owned);
    this.hold();
    this.#acceptors.push(acceptor);
    for (let i = 0; i < this.#waiting.length; i++) this.#wakeOne();
    return acceptor;
  }

  leave(acceptor: Acceptor): void {
    this.#acceptors.splice(this.#acceptors.indexOf(acceptor), 1);
    this.letGo();
    for (let i = 0; i < this.#waiting.length; i++) this.#wakeOne();
  }

  takeWaiting(): VirtualStream | undefined {
    return this.#waiting.shift();
  }

  /** Several processes that accept on one socket race for each connection; who is blocked takes part only when all are. */
  #wakeOne(): void {
    const awake = this.#acceptors.filter(({ actor }) => !actor.hung);
    const acceptor = this.random.pick(awake.length > 0 ? awake : this.#acceptors);
    if (acceptor !== undefined)
      this.scheduler.after(GRAIN * this.random.integer(0, 4), acceptor.actor, () => acceptor.wake());
  }
}

class Acceptor implements Listener, Resource {
  #open = true;

  constructor(
    private readonly socket: VirtualSocket,
    readonly actor: Actor,
    private readonly accept: (stream: ByteStream) => void,
    private readonly scheduler: Scheduler,
    private readonly owned: boolean,
  ) {
    actor.resources.add(this);
  }

  get endpoint(): Endpoint {
    return this.socket.endpoint;
  }

  wake(): void {
    const stream = this.#open ? this.socket.takeWaiting() : undefined;
    if (stream !== undefined) this.accept(stream.belongTo(this.actor));
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.actor.alive) return;
      this.actor.resources.delete(this);
      if (this.owned) this.socket.removeName();
      this.abandon();
      this.scheduler.after(GRAIN, this.actor, resolve);
    });
  }

  abandon(): void {
    if (!this.#open) return;
    this.#open = false;
    this.socket.leave(this);
  }
}

/** A bound socket, of whatever kind. */
export interface Bindable {
  readonly endpoint: Endpoint;
  hold(): void;
  letGo(): void;
  /** Whoever has bound it closes it: a path that it has is free. */
  removeName(): void;
}

/** One process's handle on a bound socket. */
export class VirtualBound implements BoundListener, Resource {
  #open = true;

  constructor(
    readonly socket: Bindable,
    private readonly actor: Actor,
  ) {
    socket.hold();
    actor.resources.add(this);
  }

  get endpoint(): Endpoint {
    return this.socket.endpoint;
  }

  get open(): boolean {
    return this.#open;
  }

  /** The same socket in another process; this handle stays. */
  handTo(actor: Actor): VirtualBound | undefined {
    return this.#open ? new VirtualBound(this.socket, actor) : undefined;
  }

  close(): void {
    if (!this.actor.alive) return;
    if (this.#open) this.socket.removeName();
    this.abandon();
  }

  abandon(): void {
    if (!this.#open) return;
    this.#open = false;
    this.actor.resources.delete(this);
    this.socket.letGo();
  }
}
