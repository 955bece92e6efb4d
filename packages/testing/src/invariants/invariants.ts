/**
 * Watches a server from its first fact on, and reports where it breaks a
 * promise: nothing accepted is lost, order, settled exactly once, closed exactly
 * once and for a reason, whole bytes in order, bounds.
 */
import type { ConfiguredFact, ReactorFact, WorkerFact } from '@shoal/core/internal/events/facts';
import type { ServerStats } from '@shoal/core/internal/pipe/server-stats';
import { isConnectionEvent } from '../trace/connection-event.js';
import { isOfDatagrams, isOfExchange, type TraceEvent, type TraceOrigin } from '../trace/trace-event.js';
import { Crowds, type CrowdHost } from './crowds.js';
import { DatagramStories } from './datagram-stories.js';
import { Deaths } from './deaths.js';
import { ExchangeStories } from './exchange-stories.js';
import type { ExchangeHost } from './task-story.js';
import { ConnectionStory, PACKET_OVERHEAD_BYTES, type StoryHost } from './connection-story.js';
import { Homes } from './homes.js';
import { Loads } from './loads.js';
import { OpenConnections } from './open-connections.js';
import { TimerHolders } from './timer-holders.js';
import type { Rule, Violation } from './violation.js';

/** Largest body of a frame; larger packets have an account of their own. */
const SMALL_PACKET_BYTES = 64 * 1024;
/** What is in memory of a file. */
const FILE_STEP_BYTES = 64 * 1024;
/** Far more than all faults of an exploration together, far less than the time-out of a connection that ends. */
const LATE_END_MS = 5_000;
/** Clients on unix sockets have none. Which connection is whose is not known, and what they saw is not compared. */
const NO_ADDRESS = ':0';

/** What the checks need of a client of the test. */
export interface WatchedClient {
  readonly id: number;
  readonly state: 'open' | 'ended' | 'closed';
  readonly received: Buffer;
}

type ConnectionFact = Exclude<
  ReactorFact,
  {
    kind:
      | 'accepted'
      | 'turnedAway'
      | 'retired'
      | 'loads'
      | 'bound'
      | 'joined'
      | 'left'
      | 'leaves'
      | 'members'
      | 'outOfTime';
  }
>;

interface ClientStory {
  readonly id: number;
  ended: boolean;
  reset: boolean;
  paused: boolean;
  wasPaused: boolean;
  /** When it could have seen the end: its own, or the last settlement after that. */
  endDue: number | undefined;
  bytes: number;
  story: ConnectionStory | undefined;
}

export class Invariants implements StoryHost, ExchangeHost, CrowdHost {
  /** In the order in which they were found; at most 20. */
  readonly violations: Violation[] = [];
  #settings: ConfiguredFact | undefined;
  readonly #stories = new Map<number, ConnectionStory>();
  readonly #clients = new Map<number, ClientStory>();
  readonly #clientsByConnection = new Map<number, ClientStory>();
  /** Clients that no connection was accepted of yet, by address and port. */
  readonly #knocking = new Map<string, ClientStory>();
  /** Connections whose client has not told that it connects, likewise. */
  readonly #unclaimed = new Map<string, ConnectionStory>();
  readonly deaths = new Deaths();
  readonly #exchange = new ExchangeStories(this);
  readonly #crowds = new Crowds(this);
  readonly #datagrams = new DatagramStories(this);
  /** Connections of which a handler had not settled when the server stopped: their close waits for it. */
  readonly #abandoned = new Set<ConnectionStory>();
  /** Bytes of small packets by the pid of the worker that has them. */
  readonly #inPipes = new Map<number, number>();
  readonly #charges = new Map<string, { readonly worker: number; readonly bytes: number }>();
  /** Addresses and ports of those who did not get in. */
  readonly #turnedAway = new Set<string>();
  #packets = 0;
  #handled = 0;
  #refused = 0;
  /** Reactors with the pids of workers that they have taken out of dispatch. */
  readonly #retired = new Set<string>();
  readonly #open = new OpenConnections();
  readonly #timerHolders = new TimerHolders((...violation) => this.report(...violation));
  readonly #loads = new Loads((...violation) => this.report(...violation));
  readonly #homes = new Homes((message, connection) =>
    this.report('order', `connection ${connection}: ${message}`, connection),
  );
  #stopping = false;

  constructor(
    /** Bytes that the system keeps per direction of a stream. */
    private readonly kernelBuffer: number,
    /** Grows with every turn of any process. */
    private readonly turns: () => number,
  ) {}

  get turn(): number {
    return this.turns();
  }

  get settings(): ConfiguredFact {
    if (this.#settings === undefined) throw new Error('the server has not told its settings');
    return this.#settings;
  }

  lives(pid: number): boolean {
    return this.deaths.lives(pid);
  }

  wroteToOne(connection: number, pid: number, place: number): void {
    this.#crowds.wroteToOne(connection, pid, place);
  }

  mayBeEnded(connection: number): void {
    const story = this.#stories.get(connection);
    if (story !== undefined) story.endedByHandler = true;
  }

  get ownersAreKnown(): boolean {
    return this.settings.mode === 'process';
  }

  get followsUids(): boolean {
    return this.settings.mode === 'process' && this.settings.dispatchMode === 'uid';
  }

  /** A dispatch module may say otherwise. */
  get #followsAddresses(): boolean {
    const { mode, dispatchMode, dispatchModule } = this.settings;
    return mode === 'process' && dispatchMode === 'ipHash' && dispatchModule !== true;
  }

  report(rule: Rule, message: string, connection: number): void {
    if (this.violations.length < 20) this.violations.push({ rule, message, connection });
  }

  observe(event: TraceEvent): void {
    switch (event.kind) {
      case 'configured':
        this.#settings = event;
        return;
      case 'exited':
        this.#processEnded(event, event.code);
        return;
      case 'signalled':
        if (event.signal === 'SIGTERM' || event.signal === 'SIGINT') this.#stopping = true;
        return;
      case 'connects':
        this.#connects(event.client, `${event.address}:${event.port}`);
        return;
      case 'accepted':
        this.#accepted(event.pid, event);
        return;
      case 'turnedAway':
        this.#turnedAway.add(`${event.address}:${event.port}`);
        return;
      case 'ends':
        this.#client(event.client).ended = true;
        this.#client(event.client).endDue = event.time;
        return;
      case 'seesEnd':
      case 'seesClose':
        this.#checkEnd(this.#client(event.client), event.time);
        return;
      case 'resets':
        this.#client(event.client).reset = true;
        return;
      case 'pauses':
        this.#client(event.client).paused = this.#client(event.client).wasPaused = true;
        return;
      case 'resumes':
        this.#client(event.client).paused = false;
        return;
      case 'receives':
        this.#client(event.client).bytes += event.bytes;
        return;
      case 'started':
      case 'settled':
      case 'failed':
        if (event.event === 'tick') this.#timer(event.pid, event);
        if (event.event === 'packet') this.#datagrams.handler(event.pid, event);
        if (!isConnectionEvent(event.event)) return;
        this.#handler(event.pid, event, event.time);
        return;
      case 'taken':
        this.#stories.get(event.connection)?.taken(event.pid, event);
        return;
      case 'sent':
        this.#stories.get(event.connection)?.sent(event.pid, event, this.#crowds.next(event.pid));
        return;
      case 'sentToMany':
        this.#crowds.sent(event.pid, event);
        return;
      case 'endedMany':
        this.#crowds.ended(event);
        return;
      case 'bound':
      case 'joined':
      case 'left':
      case 'leaves':
        this.#crowds.observe(`${event.pid} ${event.process}`, event);
        return;
      case 'members':
        this.#crowds.told(`${event.pid} ${event.process}`, event);
        return;
      case 'ended':
        this.#stories.get(event.connection)?.ended(event.pid);
        return;
      case 'packet':
      case 'delivered':
      case 'acknowledged':
      case 'returned':
      case 'refused':
      case 'output':
      case 'pinned':
      case 'inputEnded':
      case 'outputRefused':
      case 'file':
      case 'fileOutput':
      case 'out':
      case 'closed':
      case 'forgotten':
        this.#reactor(event, event);
        return;
      case 'retired':
        this.#retired.add(`${event.pid} ${event.process}/${event.worker}`);
        this.#loads.retired(`${event.pid} ${event.process}`, event);
        return;
      case 'outOfTime':
        this.#checkLate(event.pid);
        return;
      case 'loads':
        this.#loads.told(event, this.settings.dispatchModule === true ? undefined : this.#stories.size);
        return;
      case 'holds':
        this.#timerHolders.holds(event.pid, event.timers);
        return;
      case 'releases':
        this.#timerHolders.releases(event.pid);
        return;
      default:
        if (isOfExchange(event)) this.#exchange.observe(event);
        else if (isOfDatagrams(event)) this.#datagrams.observe(event);
    }
  }

  /** From here the server stops by itself. */
  stopping(): void {
    this.#stopping = true;
  }

  /** Nothing is on its way any more, and every process that should live does. */
  atRest(clients: readonly WatchedClient[], stats: ServerStats | undefined): void {
    for (const story of this.#stories.values()) {
      story.atRest();
      if (this.#clientOf(story)?.bytes === story.output.bytes) story.nothingWaits();
    }
    this.#exchange.atRest();
    this.#crowds.atRest();
    this.#datagrams.atRest();
    this.#compareClients(clients, true);
    if (stats !== undefined && this.violations.length === 0) this.#compareStats(stats);
  }

  /** The server has left. */
  atEnd(clients: readonly WatchedClient[]): void {
    for (const story of this.#stories.values()) {
      if (story.runs || this.#abandoned.has(story)) continue;
      this.report('close', `connection ${story.id}: was never closed to its end`, story.id);
    }
    this.#compareClients(clients, false);
  }

  #connects(id: number, place: string): void {
    const client: ClientStory = {
      id,
      ended: false,
      reset: false,
      paused: false,
      wasPaused: false,
      endDue: undefined,
      bytes: 0,
      story: undefined,
    };
    this.#clients.set(id, client);
    if (place === NO_ADDRESS) return;
    const story = this.#unclaimed.get(place);
    if (story === undefined) this.#knocking.set(place, client);
    else this.#join(client, story);
    this.#unclaimed.delete(place);
  }

  #accepted(pid: number, fact: ReactorFact & { kind: 'accepted' }): void {
    const { connection, listener, address, port } = fact;
    const settings = this.settings.listeners.find(({ name }) => name === listener);
    if (settings === undefined) throw new Error(`there is no listener ${listener}`);
    const { maxConnection } = this.settings;
    if (this.#open.accepted(pid, maxConnection))
      this.report(
        'bounds',
        `connection ${connection} is one more than maxConnection ${maxConnection}`,
        connection,
      );
    const story = new ConnectionStory(connection, settings, pid, this);
    this.#homes.accepted(fact);
    this.#stories.set(connection, story);
    const place = `${address}:${port}`;
    if (place === NO_ADDRESS) return;
    if (this.#turnedAway.has(place))
      this.report(
        'order',
        `connection ${connection} is accepted of ${place}, which was turned away`,
        connection,
      );
    const client = this.#knocking.get(place);
    if (client === undefined) this.#unclaimed.set(place, story);
    else this.#join(client, story);
    this.#knocking.delete(place);
  }

  #join(client: ClientStory, story: ConnectionStory): void {
    client.story = story;
    this.#clientsByConnection.set(story.id, client);
  }

  #handler(pid: number, fact: WorkerFact & { kind: 'started' | 'settled' | 'failed' }, time: number): void {
    const story = this.#stories.get(fact.subject);
    if (story === undefined) {
      this.report(
        'order',
        `${fact.handler} runs for connection ${fact.subject}, which is over`,
        fact.subject,
      );
    } else if (fact.event === 'bufferFull' || fact.event === 'bufferEmpty') {
      story.marks.observe(pid, fact.event, fact.kind);
    } else if (fact.kind === 'started') {
      story.started(pid, fact, time);
    } else {
      story.settled(pid, fact, time);
    }
  }

  #timer(pid: number, fact: WorkerFact & { kind: 'started' | 'settled' | 'failed' }): void {
    if (fact.kind === 'started') this.#timerHolders.started(pid, fact.subject, fact.handler);
    else this.#timerHolders.settled(pid, fact.subject);
  }

  #reactor(fact: ConnectionFact, { time, pid, process }: TraceOrigin): void {
    const story = this.#stories.get(fact.connection);
    if (story === undefined) {
      this.report('close', `connection ${fact.connection}: ${fact.kind} after it was over`, fact.connection);
      return;
    }
    switch (fact.kind) {
      case 'packet':
        this.#packets++;
        story.packet(fact);
        return;
      case 'delivered':
        if (this.#retired.has(`${pid} ${process}/${fact.worker}`) && !story.isPinnedTo(fact.worker))
          this.report(
            'order',
            `connection ${fact.connection}: pid ${fact.worker} gets an event after it was taken out of dispatch`,
            fact.connection,
          );
        this.#charge(fact, story);
        this.#loads.delivered(`${pid} ${process}`, fact);
        story.delivered(fact);
        // Who is pinned stays where he is.
        if (this.#followsAddresses) this.#homes.delivered(fact);
        if (!story.pinned) this.#crowds.delivered(fact);
        return;
      case 'acknowledged':
        if (fact.event === 'receive' && !fact.discarded) this.#handled++;
        this.#discharge(fact.connection, fact.packet);
        story.acknowledged(fact);
        this.#endMayBeDue(story, time);
        return;
      case 'returned':
        this.#discharge(fact.connection, fact.packet);
        story.returned(fact);
        return;
      case 'refused':
        this.#refused++;
        this.#discharge(fact.connection, fact.packet);
        story.refused(fact);
        return;
      case 'output':
        if (fact.to === undefined) story.output.written(fact.worker, fact);
        else story.output.writtenToMany(fact);
        if (fact.to !== undefined) this.#crowds.wrote(fact, fact.to);
        this.#checkOutput(story);
        return;
      case 'pinned':
        story.pin(fact);
        return;
      case 'inputEnded':
        story.inputEnded();
        return;
      case 'outputRefused':
        if (fact.to === undefined) story.output.refused(fact.worker, fact);
        else this.#crowds.wrote(fact, fact.to);
        if (story.listener.outputOverflow === 'close')
          this.report('bounds', `connection ${story.id}: a send is refused, and should close it`, story.id);
        return;
      case 'file':
        story.output.file(fact.file);
        return;
      case 'fileOutput':
        story.output.fileOutput(fact.file, fact);
        return;
      case 'out':
        this.#checkOut(story, fact.bytes);
        return;
      case 'closed':
        this.#open.closed(story.owner);
        story.closed(fact);
        this.#checkReason(story, fact.reason);
        return;
      case 'forgotten':
        story.forgotten();
        this.#stories.delete(fact.connection);
        this.#crowds.forget(fact.connection);
    }
  }

  #charge(
    { connection, packet, event, worker }: ReactorFact & { kind: 'delivered' },
    story: ConnectionStory,
  ): void {
    if (event !== 'receive') return;
    const size = story.sizeOf(packet);
    if (size > SMALL_PACKET_BYTES) return;
    const bytes = size + PACKET_OVERHEAD_BYTES;
    const total = (this.#inPipes.get(worker) ?? 0) + bytes;
    this.#inPipes.set(worker, total);
    this.#charges.set(`${connection}/${packet}`, { worker, bytes });
    const { pipeWindow, reactorNum } = this.settings;
    const limit = reactorNum * (pipeWindow + SMALL_PACKET_BYTES + PACKET_OVERHEAD_BYTES);
    if (this.settings.mode === 'process' && total > limit)
      this.report('bounds', `${total} bytes are with pid ${worker}, of ${limit} allowed`, connection);
  }

  #discharge(connection: number, packet: number): void {
    this.#loads.left({ connection, packet });
    const key = `${connection}/${packet}`;
    const charge = this.#charges.get(key);
    if (charge === undefined) return;
    this.#charges.delete(key);
    this.#inPipes.set(charge.worker, this.#inPipes.get(charge.worker)! - charge.bytes);
  }

  #checkOutput(story: ConnectionStory): void {
    const client = this.#clientOf(story);
    if (client === undefined) return;
    const { socketBufferSize, packageMaxLength } = story.listener;
    const limit =
      Math.max(socketBufferSize, packageMaxLength) +
      2 * this.kernelBuffer +
      (story.output.hasFiles ? FILE_STEP_BYTES : 0);
    const waiting = story.output.bytes - client.bytes;
    if (waiting > limit)
      this.report(
        'bounds',
        `connection ${story.id}: ${waiting} bytes wait for its client, of ${limit} allowed`,
        story.id,
      );
  }

  /** Who has waited for something must have had something. */
  #checkLate(owner: number): void {
    for (const story of this.#stories.values()) if (story.owner === owner) return;
    if (!this.#datagrams.isIdle(owner)) return;
    this.report('stats', `pid ${owner} drains until its time is over, and has nothing left`, 0);
  }

  /** What is with the system, of this side or of the client, is all that the client has not taken. */
  #checkOut(story: ConnectionStory, bytes: number): void {
    const client = this.#clientOf(story);
    if (client === undefined) return;
    const missing = bytes - client.bytes - 2 * this.kernelBuffer;
    if (missing > 0)
      this.report(
        'bytes',
        `connection ${story.id}: a sender is told that ${bytes} bytes are out, and ${missing} of them are not with the system`,
        story.id,
      );
  }

  /** A connection closes when a side closes it, and for nothing else. */
  #checkReason(story: ConnectionStory, reason: string): void {
    const client = this.#clientOf(story);
    if (client === undefined || this.#stopping || this.settings.mode === 'base') return;
    const wrong =
      (reason === 'client' && !client.ended && !client.reset) ||
      (reason === 'error' && !client.reset) ||
      (reason === 'server' && !story.endedByHandler) ||
      (reason === 'workerLost' && story.listener.onWorkerLost !== 'close') ||
      (reason === 'pinnedLost' && !story.pinned) ||
      (reason === 'handlerTimeout' && !story.timedOut) ||
      (reason === 'dispatch' && this.settings.dispatchModule !== true) ||
      (reason === 'outputOverflow' && (story.listener.outputOverflow !== 'close' || story.isStreamOnly)) ||
      reason === 'shutdown';
    if (wrong)
      this.report(
        'close',
        `connection ${story.id}: closed by '${reason}', and that side did not close it`,
        story.id,
      );
  }

  #processEnded(origin: TraceOrigin, code: number | null): void {
    const { pid } = origin;
    const inOrder = code === 0;
    if (this.#stopping)
      for (const story of this.#stories.values()) if (story.runs) this.#abandoned.add(story);
    this.deaths.exited(origin, code);
    this.#timerHolders.died(pid);
    this.#datagrams.ended(pid, this.#settings?.mode === 'base');
    this.#open.ended(pid);
    for (const story of [...this.#stories.values()]) {
      story.processEnded(pid);
      // In base mode the sockets die with their worker; one that leaves in order has closed them before.
      if (story.owner !== pid || inOrder || this.settings.mode === 'process') continue;
      story.output.cut();
      this.#stories.delete(story.id);
      this.#crowds.forget(story.id);
    }
  }

  #compareClients(clients: readonly WatchedClient[], atRest: boolean): void {
    for (const { id, state, received } of clients) {
      const client = this.#clients.get(id);
      if (client?.story === undefined) continue;
      const intact = atRest && state === 'open' && !client.reset && !client.paused;
      client.story.output.compare(id, received, intact);
      if (intact && client.story.mustEnd)
        this.report(
          'close',
          `connection ${client.story.id}: a handler has closed it and settled, and client ${id} sees no end`,
          client.story.id,
        );
    }
  }

  #compareStats(stats: ServerStats): void {
    const outstanding = [...this.#stories.values()].reduce((sum, { unsettled }) => sum + unsettled, 0);
    const { counts } = this.#datagrams;
    const told = {
      acceptedPackets: this.#packets + counts.accepted,
      handledPackets: this.#handled + counts.handled,
      outstandingPackets: outstanding + this.#datagrams.outstanding,
    };
    for (const [name, count] of Object.entries(told) as [keyof typeof told, number][])
      if (stats[name] !== count)
        this.report('stats', `stats() says ${name} ${stats[name]}, and ${count} were seen`, 0);
    this.#compareLedger(stats.ledger);
    this.#exchange.compare(stats.tasks);
  }

  #compareLedger({
    accepted,
    handled,
    redeliveredAndHandled,
    refused,
    outstanding,
  }: ServerStats['ledger']): void {
    const refusals = Object.values(refused).reduce((sum, count) => sum + count, 0);
    const sum = handled + redeliveredAndHandled + refusals + outstanding;
    if (sum !== accepted)
      this.report('stats', `the ledger has ${accepted} accepted packets, and its terms add up to ${sum}`, 0);
    const seen = this.#refused + this.#datagrams.counts.refused;
    if (refusals !== seen)
      this.report('stats', `the ledger has ${refusals} refused packets, and ${seen} were seen`, 0);
  }

  #client(id: number): ClientStory {
    const client = this.#clients.get(id);
    if (client === undefined) throw new Error(`client ${id} has not connected`);
    return client;
  }

  /** A settlement moves the time at which a client may see the end of a connection that is to end. */
  #endMayBeDue(story: ConnectionStory, time: number): void {
    const client = this.#clientOf(story);
    if (client !== undefined && (client.ended || story.mustEnd)) client.endDue = time;
  }

  /** An end that takes seconds was forgotten, and some time-out has mended it. */
  #checkEnd({ id, endDue, wasPaused, story, bytes }: ClientStory, time: number): void {
    if (endDue === undefined || wasPaused || story === undefined || story.pinned || this.#stopping) return;
    if (story.output.bytes !== bytes || time - endDue <= LATE_END_MS) return;
    this.report(
      'close',
      `connection ${story.id}: client ${id} sees its end only ${Math.round(time - endDue)} ms after it was due`,
      story.id,
    );
  }

  #clientOf(story: ConnectionStory): ClientStory | undefined {
    return this.#clientsByConnection.get(story.id);
  }
}
