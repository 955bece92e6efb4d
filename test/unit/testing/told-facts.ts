/** Traces made by hand: what a server and its clients would tell, fact by fact. */
import type { ConfiguredFact, ConfiguredListener, DeliveredEvent } from '@shoal/core/internal/events/facts';
import type { TraceEvent, TracedKind } from '@shoal/testing/internal/trace/trace-event';

/** The master, whose reactor owns the sockets. */
export const OWNER = 1;
/** Workers 0 and 1. */
export const WORKER = 10;
export const OTHER = 11;
/** The connection that is meant when none is given, of client 0. */
export const CONNECTION = 7;

export const PORT = 40_000;

export function configured(
  settings: Partial<ConfiguredFact> = {},
  listener: Partial<ConfiguredListener> = {},
): ConfiguredFact {
  return {
    kind: 'configured',
    mode: 'process',
    dispatchMode: 'fixed',
    reactorNum: 1,
    workerNum: 2,
    taskWorkerNum: 0,
    taskConcurrency: 1,
    taskRetries: 1,
    maxConnection: 100,
    pipeWindow: 4 * 1024 * 1024,
    listeners: [
      {
        name: 'lines',
        framing: 'delimiter',
        concurrency: 1,
        onWorkerLost: 'redeliver',
        handlerTimeout: 0,
        outputOverflow: 'close',
        maxQueuedBytes: 256 * 1024,
        socketBufferSize: 1024,
        bufferHighWatermark: 1024,
        packageMaxLength: 1024,
        ...listener,
      },
    ],
    ...settings,
  };
}

/** Tells facts to whoever listens. Numbers of the pair are given as events are delivered. */
export class ToldFacts {
  #time = 0;
  #turn = 0;
  #sameTurn = false;
  #seq = 0;
  readonly #given = new Map<string, number>();
  /** By packet: workers that have started it. */
  readonly #starts = new Map<number, number>();

  constructor(private readonly listen: (event: TraceEvent) => void) {}

  /** Grows with every fact, but for those that are told in one turn. */
  get turn(): number {
    return this.#turn;
  }

  inOneTurn(story: () => void): void {
    this.#turn++;
    this.#sameTurn = true;
    story();
    this.#sameTurn = false;
  }

  tell(pid: number, process: string, fact: TracedKind): void {
    if (!this.#sameTurn) this.#turn++;
    this.listen({ time: this.#time++, pid, process, ...fact });
  }

  /** What the owner of the sockets tells. */
  owner(fact: TracedKind, pid = OWNER): void {
    this.tell(pid, 'reactor 0', fact);
  }

  worker(fact: TracedKind, pid = WORKER): void {
    this.tell(pid, `worker ${pid - WORKER}`, fact);
  }

  client(kind: 'ends' | 'resets' | 'pauses' | 'resumes' | 'seesEnd' | 'seesClose', client = 0): void {
    this.tell(0, `client ${client}`, { kind, client });
  }

  connects(client = 0): void {
    this.tell(0, `client ${client}`, { kind: 'connects', client, address: '127.0.0.1', port: PORT + client });
  }

  receives(data: string, client = 0): void {
    this.tell(0, `client ${client}`, { kind: 'receives', client, bytes: data.length, data });
  }

  accepted(owner = OWNER, client = 0): void {
    const connection = CONNECTION + client;
    this.owner(
      { kind: 'accepted', connection, listener: 'lines', address: '127.0.0.1', port: PORT + client },
      owner,
    );
  }

  packet(packet: number, bytes = 3): void {
    this.owner({ kind: 'packet', connection: CONNECTION, packet, bytes });
  }

  /** As the next attempt, if a worker has started it before. */
  delivered(
    event: DeliveredEvent,
    packet = 0,
    worker = WORKER,
    attempt = (this.#starts.get(packet) ?? 0) + 1,
  ): void {
    const seq = ++this.#seq;
    this.#given.set(`${event} ${packet} ${worker}`, seq);
    const workerId = worker - WORKER;
    this.owner({ kind: 'delivered', connection: CONNECTION, event, packet, worker, workerId, seq, attempt });
  }

  started(event: DeliveredEvent, packet = 0, worker = WORKER, data?: string): void {
    const fact = { kind: 'started', event, handler: `Chat.${event}`, subject: CONNECTION } as const;
    if (event === 'receive') this.#starts.set(packet, (this.#starts.get(packet) ?? 0) + 1);
    this.worker(
      { ...fact, seq: this.#seqOf(event, packet, worker), ...(data !== undefined && { data }) },
      worker,
    );
  }

  settled(event: DeliveredEvent, packet = 0, worker = WORKER, kind: 'settled' | 'failed' = 'settled'): void {
    const fact = { kind, event, handler: `Chat.${event}`, subject: CONNECTION } as const;
    this.worker({ ...fact, seq: this.#seqOf(event, packet, worker) }, worker);
  }

  /** Its handler is given up, and may still run. */
  timesOut(event: DeliveredEvent, packet = 0, worker = WORKER): void {
    const fact = { kind: 'failed', event, handler: `Chat.${event}`, subject: CONNECTION } as const;
    this.worker({ ...fact, seq: this.#seqOf(event, packet, worker), timedOut: true }, worker);
  }

  /** ms go by. */
  passes(ms: number): void {
    this.#time += ms;
  }

  acknowledged(event: 'introduction' | 'receive' | 'close', packet = 0, discarded = false): void {
    this.owner({ kind: 'acknowledged', connection: CONNECTION, event, packet, discarded });
  }

  returned(packet: number, planned = false): void {
    this.owner({ kind: 'returned', connection: CONNECTION, packet, planned });
  }

  /** The stream of a worker is closed, and drops a packet that nobody has read. */
  drops(packet: number): void {
    const seq = this.#seqOf('receive', packet, WORKER);
    this.worker({ kind: 'taken', connection: CONNECTION, seq, discarded: true });
  }

  refused(packet: number, reason = 'CLOSED'): void {
    this.owner({ kind: 'refused', connection: CONNECTION, packet, reason });
  }

  sent(data: string, worker = WORKER): void {
    this.worker({ kind: 'sent', connection: CONNECTION, bytes: data.length, data }, worker);
  }

  output(data: string, worker = WORKER, bytes = data.length): void {
    this.owner({ kind: 'output', connection: CONNECTION, worker, bytes, data });
  }

  outputRefused(data: string, worker = WORKER): void {
    this.owner({ kind: 'outputRefused', connection: CONNECTION, worker, bytes: data.length, data });
  }

  /** A sender who waits is told. */
  out(bytes: number): void {
    this.owner({ kind: 'out', connection: CONNECTION, bytes });
  }

  /** The worker tells the application, whose handler settles. */
  mark(event: 'bufferFull' | 'bufferEmpty'): void {
    for (const kind of ['started', 'settled'] as const)
      this.worker({ kind, event, handler: `Chat.${event}`, subject: CONNECTION, seq: 0 });
  }

  /** A handler closes the connection. */
  ended(): void {
    this.worker({ kind: 'ended', connection: CONNECTION, reset: false });
  }

  closed(reason: string): void {
    this.owner({ kind: 'closed', connection: CONNECTION, reason });
  }

  forgotten(): void {
    this.owner({ kind: 'forgotten', connection: CONNECTION });
  }

  dies(pid: number, signal: string | null = 'SIGKILL'): void {
    this.tell(pid, pid === OWNER ? 'master' : `worker ${pid - WORKER}`, {
      kind: 'exited',
      code: signal === null ? 0 : null,
      signal,
    });
  }

  // Several at once.

  /** A client connects, and the handler of that has settled. */
  opens(worker = WORKER): void {
    this.connects();
    this.accepted();
    this.introduced('connect', worker);
  }

  introduced(event: 'connect' | 'adopt', worker = WORKER): void {
    this.delivered(event, 0, worker);
    this.runs(event, 0, worker);
    this.acknowledged('introduction');
  }

  runs(event: DeliveredEvent, packet = 0, worker = WORKER): void {
    this.started(event, packet, worker);
    this.settled(event, packet, worker);
  }

  /** A packet comes and is given to a worker. */
  gives(packet: number, worker = WORKER): void {
    this.packet(packet);
    this.delivered('receive', packet, worker);
  }

  /** A packet comes, is handled and settled. */
  handles(packet: number, worker = WORKER): void {
    this.gives(packet, worker);
    this.runs('receive', packet, worker);
    this.acknowledged('receive', packet);
  }

  /** The handler of the close settles, and nothing is left of the connection. */
  leaves(worker = WORKER): void {
    this.delivered('close', 0, worker);
    this.runs('close', 0, worker);
    this.acknowledged('close');
    this.forgotten();
  }

  #seqOf(event: DeliveredEvent, packet: number, worker: number): number {
    return this.#given.get(`${event} ${packet} ${worker}`) ?? 9_999;
  }
}
