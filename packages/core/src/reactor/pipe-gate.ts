import { ProcessError } from '../errors.js';
import type { Logger } from '../log.js';
import { parseHello } from '../pipe/hello.js';
import { FrameKind, PIPE_VERSION, type AdoptReason, type Hello } from '../pipe/messages.js';
import { Pipe, type PipeEvents } from '../pipe/pipe.js';
import type { ByteStream, Clock, Timer } from '../platform/platform.js';
import type { Delivery } from './delivery.js';
import { PipeGuest } from './pipe-guest.js';
import { PipePort } from './pipe-port.js';
import type { Reactor } from './reactor.js';

/** A peer that has not said hello by then is sent away, in ms. */
const HELLO_TIMEOUT_MS = 10_000;

/**
 * Where other processes knock: checks who opens a pipe and refuses what does not fit. A
 * younger worker of an id may come while the older one serves: it waits here
 * until it says that it is ready. Those of a manager that is gone are fenced off.
 * Whoever is no worker is a guest, who sends to connections and serves none. So is
 * a worker that has left: it comes in when all that it said before has been read.
 */
export class PipeGate {
  /** By worker id: the one that has the place, one that retires, one that waits for its turn. Seldom more. */
  readonly #ports = new Map<number, Set<PipePort>>();
  /** Guests that were workers, by what is left of those. */
  readonly #leavers = new Map<PipePort, (() => void)[]>();
  #blamelessThrough = -1;
  #blamelessReason: AdoptReason = 'managerLost';

  constructor(
    private readonly reactor: Reactor,
    private readonly clock: Clock,
    private readonly logger: Logger,
    /** The largest frame that another process may send, in bytes. */
    private readonly maxBodyBytes: number,
  ) {}

  /** Workers up to this incarnation are ended by the framework: their deaths charge no packet. */
  markBlameless(throughIncarnation: number, reason: AdoptReason): void {
    this.#blamelessThrough = Math.max(this.#blamelessThrough, throughIncarnation);
    this.#blamelessReason = reason;
  }

  accept(stream: ByteStream): void {
    const greeter = new Greeter(this.clock, (hello, pipe) => this.#admit(hello, pipe));
    greeter.greet(stream, this.maxBodyBytes);
  }

  #admit(hello: Hello, pipe: Pipe<Delivery>): void {
    const refusal = this.#refusal(hello);
    if (refusal !== undefined) {
      this.logger.warn(`refused the pipe of ${hello.role} ${hello.workerId}, pid ${hello.pid}: ${refusal}`);
      pipe.control(FrameKind.refused, 0, 0, 0, Buffer.from(refusal));
      pipe.finish();
      return;
    }
    if (wantsPlace(hello)) {
      this.#admitWorker(hello, pipe);
      welcome(pipe);
      return;
    }
    const admit = (): void => {
      if (!pipe.open) return;
      pipe.events = new PipeGuest(hello.pid, pipe, this.reactor);
      welcome(pipe);
    };
    const leaver = this.#leaver(hello);
    if (leaver === undefined) admit();
    else this.#leavers.set(leaver, [...(this.#leavers.get(leaver) ?? []), admit]);
  }

  /** What has not been read to its end of the worker that comes as a guest now. */
  #leaver({ role, workerId, incarnation }: Hello): PipePort | undefined {
    if (role !== 'worker') return undefined;
    return [...(this.#ports.get(workerId) ?? [])].find(
      (port) => port.incarnation === incarnation && port.retired,
    );
  }

  #admitGuestsBehind(port: PipePort): void {
    const guests = this.#leavers.get(port) ?? [];
    this.#leavers.delete(port);
    for (const admit of guests) admit();
  }

  #admitWorker(hello: Hello, pipe: Pipe<Delivery>): void {
    const ports = this.#portsOf(hello.workerId);
    // Workers of a manager that is gone may live for another moment: whatever they still say is ignored.
    for (const port of ports) if (port.incarnation <= this.#blamelessThrough) port.fence();
    const slot = this.reactor.slots[hello.workerId]!;
    const port = new PipePort(hello, pipe, slot, this.reactor, this.#blameless, (lost) => {
      ports.delete(lost);
      this.#admitGuestsBehind(lost);
    });
    ports.add(port);
    pipe.events = port;
  }

  #portsOf(workerId: number): Set<PipePort> {
    let ports = this.#ports.get(workerId);
    if (ports === undefined) this.#ports.set(workerId, (ports = new Set()));
    return ports;
  }

  #refusal(hello: Hello): string | undefined {
    if (hello.version !== PIPE_VERSION) {
      return `it speaks version ${hello.version} of the pipe protocol, this server ${PIPE_VERSION}: the kernel changed, restart the server`;
    }
    if (!wantsPlace(hello)) return undefined;
    if (this.reactor.slots[hello.workerId] === undefined) {
      return `there is no place for ${hello.role} ${hello.workerId} here`;
    }
    for (const { incarnation } of this.#portsOf(hello.workerId)) {
      if (incarnation >= hello.incarnation)
        return `incarnation ${hello.incarnation} is older than ${incarnation}, which has its place`;
    }
    if (hello.incarnation <= this.#blamelessThrough) {
      return `incarnation ${hello.incarnation} belongs to a manager that is gone`;
    }
    return undefined;
  }

  readonly #blameless = (incarnation: number): AdoptReason | undefined =>
    incarnation <= this.#blamelessThrough ? this.#blamelessReason : undefined;
}

function wantsPlace({ role, serves }: Hello): boolean {
  return role === 'worker' && serves !== false;
}

function welcome(pipe: Pipe<Delivery>): void {
  pipe.control(FrameKind.welcome);
  pipe.flush();
}

/** Waits for the first frame of a new pipe, which must be a hello. */
class Greeter implements PipeEvents<Delivery> {
  #pipe: Pipe<Delivery> | undefined;
  #deadline: Timer | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly admit: (hello: Hello, pipe: Pipe<Delivery>) => void,
  ) {}

  greet(stream: ByteStream, maxBodyBytes: number): void {
    this.#pipe = new Pipe<Delivery>(stream, this.clock, this, maxBodyBytes);
    this.#deadline = this.clock.setTimer(HELLO_TIMEOUT_MS, () => stream.destroy());
    this.#pipe.start();
  }

  frame(
    kind: number,
    _flags: number,
    _aux: number,
    _id: number,
    _seq: number,
    _word: number,
    _count: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    this.#deadline?.cancel();
    if (kind !== FrameKind.hello) throw new ProcessError('PIPE_BROKEN', 'a pipe did not begin with a hello');
    this.admit(parseHello(buffer.toString('utf8', start, end)), this.#pipe!);
  }

  settled(): void {}
  turn(): void {}
  drained(): void {}

  closed(): void {
    this.#deadline?.cancel();
  }
}
