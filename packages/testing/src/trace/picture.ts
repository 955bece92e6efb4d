/**
 * What a server is doing, as its trace tells: connections, packets that are not
 * settled, handlers that run, timers. It reads on where it stopped, so that a
 * test that never asks pays nothing.
 */
import type { DatagramFact } from '@shoal/core/internal/events/datagram-facts';
import type { ExchangeFact } from '@shoal/core/internal/events/exchange-facts';
import { isOfDatagrams, isOfExchange, type DatagramClientFact, type TraceEvent } from './trace-event.js';

/** A connection that is not forgotten yet. */
export interface ConnectionView {
  readonly id: number;
  readonly listener: string;
  /** The client's address and port. */
  readonly address: string;
  readonly port: number;
  /** The id of the worker that serves it, where one does. */
  readonly workerId: number | undefined;
  readonly state: 'open' | 'closed';
  /** Packets that were accepted and are not settled. */
  readonly outstanding: number;
  /** Labels of the handlers that run for it. */
  readonly running: readonly string[];
}

/** A packet that was accepted and is not settled. */
export interface PacketView {
  readonly connection: number;
  /** Its number in the connection, from 1. */
  readonly packet: number;
  readonly bytes: number;
  /** The worker that has it; undefined while it waits with the owner of the socket. */
  readonly workerId: number | undefined;
  readonly attempt: number;
}

/** A timer of `server.tick`, `server.after` or `@Tick` that will run. */
export interface TimerView {
  /** `worker 0`. */
  readonly process: string;
  readonly pid: number;
  readonly timer: number;
  /** What logs call it. */
  readonly handler: string;
  /** ms. */
  readonly delay: number;
  readonly repeats: boolean;
}

interface Connection {
  readonly id: number;
  readonly owner: number;
  readonly listener: string;
  readonly address: string;
  readonly port: number;
  workerId: number | undefined;
  state: 'open' | 'closed';
  readonly packets: Map<
    number,
    { bytes: number; worker: number; workerId: number | undefined; attempt: number }
  >;
}

interface Process {
  readonly timers: Map<number, TimerView>;
  /** `connection/number` of the events whose handlers run, with their label. */
  readonly running: Map<string, { readonly connection: number; readonly handler: string }>;
  /** By label: handlers of tasks, results, messages and datagrams that run. */
  readonly exchanging: Map<string, number>;
  /** Tasks that it has posted and that are not over. */
  readonly tasks: Set<number>;
  /** Messages that it has sent and does not know to be started. */
  readonly messages: Set<number>;
}

export class Picture {
  readonly #connections = new Map<number, Connection>();
  readonly #processes = new Map<number, Process>();
  /** Datagrams that were accepted and are not settled: the pid of their owner, by that and their number. */
  readonly #datagrams = new Map<string, number>();
  #read = 0;

  constructor(
    private readonly trace: readonly TraceEvent[],
    /** Whether a process lives, where the trace does not tell of its end. */
    private readonly lives: (pid: number) => boolean = () => true,
  ) {}

  /** Reads what was traced since the last time. */
  catchUp(): this {
    while (this.#read < this.trace.length) this.#observe(this.trace[this.#read++]!);
    for (const pid of this.#processes.keys()) if (!this.lives(pid)) this.#ended(pid);
    for (const { owner } of this.#connections.values()) if (!this.lives(owner)) this.#ended(owner);
    for (const owner of new Set(this.#datagrams.values())) if (!this.lives(owner)) this.#ended(owner);
    return this;
  }

  /** So many events were taken from the beginning of the trace. */
  forgotten(count: number): void {
    this.#read -= count;
  }

  get connections(): readonly ConnectionView[] {
    return [...this.#connections.values()].map((connection) => {
      const { id, listener, address, port, workerId, state, packets } = connection;
      const running = this.#handlersOf(id);
      return { id, listener, address, port, workerId, state, outstanding: packets.size, running };
    });
  }

  get outstanding(): readonly PacketView[] {
    return [...this.#connections.values()].flatMap(({ id, packets }) =>
      [...packets].map(([packet, { bytes, workerId, attempt }]) => {
        return { connection: id, packet, bytes, workerId, attempt };
      }),
    );
  }

  get timers(): readonly TimerView[] {
    return [...this.#processes.values()].flatMap(({ timers }) => [...timers.values()]);
  }

  /** What is unfinished, in words; undefined when nothing is. */
  get unfinished(): string | undefined {
    const packets = this.outstanding.length + this.#datagrams.size;
    const processes = [...this.#processes.values()];
    const handlers = processes.flatMap((process) => handlersIn(process));
    const tasks = processes.reduce((sum, process) => sum + process.tasks.size, 0);
    const messages = processes.reduce((sum, process) => sum + process.messages.size, 0);
    if (packets + tasks + messages + handlers.length === 0) return undefined;
    const names = [...new Set(handlers)].join(', ');
    const exchange =
      tasks + messages === 0 ? '' : `${tasks} tasks and ${messages} messages are on their way, `;
    return `${packets} packets are not settled, ${exchange}${handlers.length} handlers run${names === '' ? '' : ` (${names})`}`;
  }

  #handlersOf(id: number): string[] {
    return [...this.#processes.values()].flatMap(({ running }) =>
      [...running.values()].filter(({ connection }) => connection === id).map(({ handler }) => handler),
    );
  }

  #observe(event: TraceEvent): void {
    switch (event.kind) {
      case 'exited':
        this.#ended(event.pid);
        return;
      case 'timerSet': {
        const { process, pid, timer, handler, delay, repeats } = event;
        this.#process(pid).timers.set(timer, { process, pid, timer, handler, delay, repeats });
        return;
      }
      case 'timerCleared':
        this.#process(event.pid).timers.delete(event.timer);
        return;
      case 'started':
        if (isExchange(event.event)) this.#count(event.pid, event.handler, 1);
        if (event.event === 'tick' || isExchange(event.event) || event.subject === 0) return;
        this.#process(event.pid).running.set(keyOf(event), {
          connection: event.subject,
          handler: event.handler,
        });
        return;
      case 'settled':
      case 'failed':
        if (isExchange(event.event)) this.#count(event.pid, event.handler, -1);
        else if (event.event !== 'tick') this.#process(event.pid).running.delete(keyOf(event));
        return;
      case 'accepted': {
        const { connection: id, pid: owner, listener, address, port } = event;
        const packets = new Map();
        const workerId = undefined;
        this.#connections.set(id, { id, owner, listener, address, port, workerId, state: 'open', packets });
        return;
      }
      case 'packet': {
        const packet = { bytes: event.bytes, worker: 0, workerId: undefined, attempt: 1 };
        this.#connections.get(event.connection)?.packets.set(event.packet, packet);
        return;
      }
      case 'delivered': {
        const connection = this.#connections.get(event.connection);
        if (connection === undefined) return;
        connection.workerId = event.workerId;
        const packet = connection.packets.get(event.packet);
        if (event.event !== 'receive' || packet === undefined) return;
        packet.workerId = event.workerId;
        packet.attempt = event.attempt;
        return;
      }
      case 'returned': {
        const packet = this.#connections.get(event.connection)?.packets.get(event.packet);
        if (packet !== undefined) packet.workerId = undefined;
        return;
      }
      case 'acknowledged':
      case 'refused':
        this.#connections.get(event.connection)?.packets.delete(event.packet);
        return;
      case 'closed': {
        const connection = this.#connections.get(event.connection);
        if (connection !== undefined) connection.state = 'closed';
        return;
      }
      case 'forgotten':
        this.#connections.delete(event.connection);
        return;
      default:
        if (isOfExchange(event)) this.#exchange(event.pid, event);
        else if (isOfDatagrams(event)) this.#datagram(event.pid, event.process, event);
    }
  }

  #exchange(pid: number, fact: ExchangeFact): void {
    const { tasks, messages } = this.#process(pid);
    switch (fact.kind) {
      case 'taskPosted':
        tasks.add(fact.task);
        return;
      case 'taskOver':
        tasks.delete(fact.task);
        return;
      case 'messagePosted':
        messages.add(fact.message);
        return;
      case 'messageTaken':
      case 'messageGivenUp':
        messages.delete(fact.message);
    }
  }

  #datagram(pid: number, process: string, fact: DatagramFact | DatagramClientFact): void {
    if (!('datagram' in fact)) return;
    const key = `${pid} ${process} ${fact.datagram}`;
    if (fact.kind === 'datagramAccepted') this.#datagrams.set(key, pid);
    // What is discarded is refused next.
    else if (fact.kind === 'datagramAcknowledged' || fact.kind === 'datagramRefused')
      this.#datagrams.delete(key);
  }

  #count(pid: number, handler: string, change: number): void {
    const { exchanging } = this.#process(pid);
    exchanging.set(handler, (exchanging.get(handler) ?? 0) + change);
  }

  /** What ran there is over, and so are the connections whose sockets it owned. */
  #ended(pid: number): void {
    this.#processes.delete(pid);
    for (const { id, owner } of this.#connections.values()) if (owner === pid) this.#connections.delete(id);
    for (const [key, owner] of this.#datagrams) if (owner === pid) this.#datagrams.delete(key);
  }

  #process(pid: number): Process {
    let process = this.#processes.get(pid);
    if (process === undefined) {
      process = {
        timers: new Map(),
        running: new Map(),
        exchanging: new Map(),
        tasks: new Set(),
        messages: new Set(),
      };
      this.#processes.set(pid, process);
    }
    return process;
  }
}

/** A mark of the output has no number, and may overlap with what has number 0. */
function keyOf({ event, subject, seq }: { event: string; subject: number; seq: number }): string {
  return `${event}/${subject}/${seq}`;
}

/** Whether the subject of its handler is no connection, and not the handler's own either. */
function isExchange(event: string): boolean {
  return event === 'task' || event === 'finish' || event === 'pipeMessage' || event === 'packet';
}

/** Labels of the handlers that run in a process, one for each call. */
function handlersIn({ running, exchanging }: Process): string[] {
  const own = [...running.values()].map(({ handler }) => handler);
  return [...own, ...[...exchanging].flatMap(([handler, count]) => Array<string>(count).fill(handler))];
}
