/**
 * What has become of each datagram, and of each that was sent: none is lost once
 * it was accepted, each is settled once and not before its handler and what that
 * replied, and clients get what was sent, whole.
 */
import type { DatagramFact } from '@shoal/core/internal/events/datagram-facts';
import type { WorkerFact } from '@shoal/core/internal/events/facts';
import type { DatagramClientFact, TraceOrigin } from '../trace/trace-event.js';
import type { ExchangeHost } from './task-story.js';

/** What a datagram costs in a bound beside its bytes. */
const OVERHEAD_BYTES = 64;

interface Accepted {
  readonly name: string;
  readonly listener: string;
  readonly charge: number;
  /** The pid of the owner of the socket. */
  readonly owner: number;
  /** The pid of the worker that has it. */
  worker: number | undefined;
  attempt: number;
  /** Workers that have begun it, and that were lost with it. */
  starts: number;
  returns: number;
  handled: boolean;
  timedOut: boolean;
  running: boolean;
  /** What its handler has sent, as far as that is known: how often the same had been sent by then. */
  sends: readonly (readonly [text: string, count: number])[];
}

interface Client {
  readonly place: string;
  readonly exact: boolean;
  readonly duplicates: boolean;
  /** What was written for it and has not come, as text, with its number. */
  readonly due: Map<string, number>;
  /** What was written for it at any time. */
  readonly known: Set<string>;
}

export class DatagramStories {
  readonly counts = { accepted: 0, handled: 0, refused: 0 };
  readonly #accepted = new Map<string, Accepted>();
  /** By worker, owner and number of the pair. */
  readonly #given = new Map<string, Accepted>();
  /** By pid and text: how often it was sent, and written by the owner of the socket. */
  readonly #traffic = new Map<number, Map<string, { sent: number; written: number }>>();
  /** By pid: the datagram whose handler was started last, and what was sent since. */
  readonly #latest = new Map<number, { readonly entry: Accepted; readonly sends: [string, number][] }>();
  readonly #clients = new Map<number, Client>();
  readonly #byPlace = new Map<string, Client>();

  constructor(private readonly host: ExchangeHost) {}

  get outstanding(): number {
    return this.#accepted.size;
  }

  observe(fact: TraceOrigin & (DatagramFact | DatagramClientFact)): void {
    const { pid, process } = fact;
    switch (fact.kind) {
      case 'datagramAccepted': {
        this.counts.accepted++;
        const name = `datagram ${fact.datagram} of ${process}`;
        const rest = { worker: undefined, attempt: 1, starts: 0, returns: 0, sends: [] };
        const state = { handled: false, timedOut: false, running: false };
        const { listener, bytes } = fact;
        const charge = bytes + OVERHEAD_BYTES;
        this.#accepted.set(`${pid} ${name}`, { name, listener, charge, owner: pid, ...rest, ...state });
        return;
      }
      case 'datagramDelivered':
        this.#delivered(this.#find(fact, fact.datagram), fact);
        return;
      case 'datagramAcknowledged':
        this.#acknowledged(this.#find(fact, fact.datagram), fact);
        return;
      case 'datagramReturned': {
        const entry = this.#find(fact, fact.datagram);
        if (entry === undefined) return;
        entry.worker = undefined;
        entry.handled = entry.running = false;
        if (!fact.planned) entry.returns++;
        return;
      }
      case 'datagramRefused':
        this.counts.refused++;
        this.#refused(fact);
        return;
      case 'datagramSent':
        this.#sends(pid, textOf(fact));
        return;
      case 'datagramWritten':
        this.#wrote(fact);
        return;
      case 'datagramClient':
        this.#opened(fact);
        return;
      case 'datagramClientReceives':
        this.#received(fact);
    }
  }

  /** A handler of a datagram; its subject is the index of the owner. */
  handler(worker: number, fact: WorkerFact & { kind: 'started' | 'settled' | 'failed' }): void {
    const entry = this.#given.get(`${worker} ${fact.subject} ${fact.seq}`);
    if (entry === undefined || entry.worker !== worker) return;
    if (fact.kind === 'started') {
      if (entry.running) this.#report('settlement', `${entry.name} is started twice in pid ${worker}`);
      entry.running = true;
      entry.starts++;
      this.#latest.set(worker, { entry, sends: [] });
      return;
    }
    entry.running = false;
    if (fact.kind === 'failed' && fact.timedOut === true) entry.timedOut = true;
    else entry.handled = true;
    const latest = this.#latest.get(worker);
    // With another handler in between nobody can tell what is of which.
    if (latest?.entry === entry) entry.sends = [...latest.sends];
  }

  ended(pid: number, ownsSockets: boolean): void {
    for (const [key, entry] of this.#accepted)
      if (ownsSockets && entry.owner === pid) this.#accepted.delete(key);
  }

  /** Whether that owner has none that is unfinished. */
  isIdle(pid: number): boolean {
    for (const { owner } of this.#accepted.values()) if (owner === pid) return false;
    return true;
  }

  /** Nothing is on its way. */
  atRest(): void {
    for (const { name, worker, running } of this.#accepted.values()) {
      if (running && worker !== undefined && this.host.deaths.lives(worker)) continue;
      const where = worker === undefined ? 'waits in its owner' : `is with worker pid ${worker}`;
      this.#report('lost', `${name} ${where} for ever`);
    }
    for (const [pid, texts] of this.#traffic) {
      let count = 0;
      for (const { sent, written } of texts.values()) count += sent - written;
      if (count > 0 && this.host.deaths.lives(pid))
        this.#report('bytes', `${count} datagrams that pid ${pid} sent were never written`);
    }
    for (const [id, { exact, due }] of this.#clients) {
      if (exact && total(due) > 0)
        this.#report(
          'bytes',
          `${total(due)} datagrams that were written for datagram client ${id} never came`,
        );
    }
  }

  /** For want of a worker or of room one is dropped when those that wait fill the bound, and not before. */
  #refused(fact: TraceOrigin & DatagramFact & { kind: 'datagramRefused' }): void {
    const { reason, datagram, process } = fact;
    const refused = this.#find(fact, datagram);
    if (refused === undefined) return;
    if (reason === 'NO_WORKER' || reason === 'WINDOW_FULL') {
      const { listener, name } = refused;
      let wait = 0;
      for (const [key, entry] of this.#accepted)
        if (entry.listener === listener && entry.worker === undefined && key.endsWith(` of ${process}`))
          wait += entry.charge;
      const { maxQueuedBytes } = this.host.settings.datagramListeners!.find(
        ({ name: of }) => of === listener,
      )!;
      if (wait <= maxQueuedBytes)
        this.#report('lost', `${name} is dropped, and with it ${wait} of ${maxQueuedBytes} bytes wait`);
    }
    this.#forget(fact, datagram);
  }

  #delivered(entry: Accepted | undefined, fact: DatagramFact & { kind: 'datagramDelivered' }): void {
    const { worker, owner, seq, attempt, datagram } = fact;
    if (entry === undefined) {
      this.#report('settlement', `datagram ${datagram} is given to a worker after it was settled`);
      return;
    }
    if (entry.worker !== undefined && this.host.deaths.lives(entry.worker))
      this.#report('settlement', `${entry.name} is given to a second worker while the first has it`);
    if (attempt > entry.returns + 1 || attempt < entry.starts + 1)
      this.#report(
        'settlement',
        `${entry.name} is attempt ${attempt} after ${entry.starts} starts and ${entry.returns} lost workers`,
      );
    entry.worker = worker;
    entry.attempt = attempt;
    this.#given.set(`${worker} ${owner} ${seq}`, entry);
  }

  #acknowledged(
    entry: Accepted | undefined,
    fact: TraceOrigin & DatagramFact & { kind: 'datagramAcknowledged' },
  ): void {
    if (entry === undefined) {
      this.#report('settlement', `datagram ${fact.datagram} is settled twice`);
      return;
    }
    // What is discarded is refused next.
    if (fact.discarded) {
      entry.worker = undefined;
      return;
    }
    this.counts.handled++;
    if (!entry.handled) this.#report('settlement', `${entry.name} is settled before its handler has settled`);
    this.#checkWritten(entry);
    this.#forget(fact, fact.datagram);
  }

  /** With one owner of sockets, what the handler sent has come there before the settlement. */
  #checkWritten({ name, worker, sends }: Accepted): void {
    if (worker === undefined || this.host.settings.reactorNum > 1) return;
    for (const [text, count] of sends)
      if (this.#trafficOf(worker, text).written < count)
        this.#report('bytes', `${name} is settled before what its handler sent was written: ${text}`);
  }

  #wrote(fact: DatagramFact & { kind: 'datagramWritten' }): void {
    const { worker, address, port, data } = fact;
    const traffic = this.#trafficOf(worker, textOf(fact));
    traffic.written++;
    if (traffic.written > traffic.sent)
      this.#report('bytes', `was written for ${address}:${port} what pid ${worker} did not send: ${data}`);
    const client = this.#byPlace.get(placeOf(address, port));
    if (client === undefined) return;
    add(client.due, data);
    client.known.add(data);
  }

  #opened(fact: DatagramClientFact & { kind: 'datagramClient' }): void {
    const { client: id, address, port, lossy, duplicates } = fact;
    const place = placeOf(address, port);
    const exact = !lossy && !duplicates;
    const client = { place, exact, duplicates, due: new Map<string, number>(), known: new Set<string>() };
    this.#clients.set(id, client);
    this.#byPlace.set(place, client);
  }

  #received({ client: id, data }: { readonly client: number; readonly data: string }): void {
    const client = this.#clients.get(id);
    if (client === undefined || take(client.due, data)) return;
    if (client.duplicates && client.known.has(data)) return;
    this.#report('bytes', `datagram client ${id} got what was not written for it: ${data}`);
  }

  #find({ pid, process }: TraceOrigin, datagram: number): Accepted | undefined {
    return this.#accepted.get(`${pid} datagram ${datagram} of ${process}`);
  }

  #forget({ pid, process }: TraceOrigin, datagram: number): void {
    this.#accepted.delete(`${pid} datagram ${datagram} of ${process}`);
  }

  #sends(pid: number, text: string): void {
    const traffic = this.#trafficOf(pid, text);
    traffic.sent++;
    this.#latest.get(pid)?.sends.push([text, traffic.sent]);
  }

  #trafficOf(pid: number, text: string): { sent: number; written: number } {
    let texts = this.#traffic.get(pid);
    if (texts === undefined) this.#traffic.set(pid, (texts = new Map()));
    let traffic = texts.get(text);
    if (traffic === undefined) texts.set(text, (traffic = { sent: 0, written: 0 }));
    return traffic;
  }

  #report(rule: 'lost' | 'settlement' | 'bytes', message: string): void {
    this.host.report(rule, message, 0);
  }
}

function placeOf(address: string, port: number): string {
  return `${address.replace(/^::ffff:/, '')} ${port}`;
}

function textOf({
  listener,
  address,
  port,
  data,
}: DatagramFact & { kind: 'datagramSent' | 'datagramWritten' }): string {
  return `${listener} ${address} ${port} ${data}`;
}

function add(counts: Map<string, number>, text: string): void {
  counts.set(text, (counts.get(text) ?? 0) + 1);
}

/** Takes one out; says whether there was one. */
function take(counts: Map<string, number>, text: string): boolean {
  const count = counts.get(text);
  if (count === undefined) return false;
  if (count === 1) counts.delete(text);
  else counts.set(text, count - 1);
  return true;
}

function total(counts: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}
