import { fromWire, ProcessError } from '../errors.js';
import { Inquiries } from '../pipe/inquiries.js';
import type { AdoptReason } from '../pipe/messages.js';
import type { ReactorAssignment } from '../pipe/assignments.js';
import type { ReactorCounters } from '../pipe/counters.js';
import type { FromReactor, InnerQuestion, ToReactor } from '../pipe/notes.js';
import type { ListenPlace } from '../topology/listen-options.js';
import { emptyLedger } from '../pipe/ledger.js';
import type { Clock, Endpoint, Thread, Threads } from '../platform/platform.js';

/** ms. */
const ANSWER_TIMEOUT_MS = 4_000;

/** What the master holds of one reactor thread. */
export class ReactorHandle {
  readonly #thread: Thread;
  readonly #started: Promise<void>;
  #resolveStarted!: () => void;
  #rejectStarted!: (error: Error) => void;
  readonly #listening = new Map<
    number,
    { resolve: (endpoint: Endpoint) => void; reject: (error: Error) => void }
  >();
  readonly #inquiries: Inquiries;
  /** Who waits for the answer to `blameless`, in the order of asking. */
  readonly #informed: (() => void)[] = [];
  #drained: (() => void) | undefined;
  #ended: (() => void) | undefined;
  #stopping = false;
  #gone = false;
  #lastStats: ReactorCounters = {
    connections: 0,
    acceptedConnections: 0,
    closedConnections: 0,
    acceptedPackets: 0,
    handledPackets: 0,
    redeliveredPackets: 0,
    pinnedLost: 0,
    failedDispatches: 0,
    outstandingPackets: 0,
    closedBy: {},
    refused: {},
    ledger: emptyLedger(),
    connectionsOfWorkers: [],
  };

  constructor(
    readonly assignment: ReactorAssignment,
    threads: Threads,
    clock: Clock,
    name: string,
    /** The thread is gone, and with it its connections. */
    onFailure: (error: Error) => void,
  ) {
    this.#inquiries = new Inquiries(clock, (note) => this.send(note));
    this.#started = new Promise((resolve, reject) => {
      this.#resolveStarted = resolve;
      this.#rejectStarted = reject;
    });
    this.#started.catch(() => {});
    this.#thread = threads.spawn(assignment, name);
    this.#thread.onMessage((message) => this.#hear(message as FromReactor));
    this.#thread.onExit((error) => {
      this.#settleAll();
      this.#ended?.();
      if (this.#stopping) return;
      const failure = new ProcessError('REACTOR_DIED', `reactor ${assignment.index} ended`, { cause: error });
      this.#rejectStarted(failure);
      onFailure(failure);
    });
  }

  /** Resolves when the reactor takes pipes. */
  async started(): Promise<void> {
    return this.#started;
  }

  async listen(listener: number, place: ListenPlace): Promise<Endpoint> {
    return new Promise((resolve, reject) => {
      this.#listening.set(listener, { resolve, reject });
      this.send({ type: 'listen', listener, ...place });
    });
  }

  /** Counters, as last heard when the thread has ended. */
  async stats(): Promise<ReactorCounters> {
    try {
      this.#lastStats = (await this.ask({ what: 'counters' })) as ReactorCounters;
    } catch (error) {
      if (!this.#gone) throw error;
    }
    return this.#lastStats;
  }

  async ask(question: InnerQuestion): Promise<unknown> {
    return this.#inquiries.ask(question, ANSWER_TIMEOUT_MS);
  }

  /** Resolves when the reactor knows that the deaths of workers up to that incarnation charge no packet. */
  async markBlameless(throughIncarnation: number, reason: AdoptReason): Promise<void> {
    return new Promise((resolve) => {
      this.#informed.push(resolve);
      this.send({ type: 'blameless', throughIncarnation, reason });
    });
  }

  /** Resolves when every connection is closed, at the latest after `deadline` ms. */
  async drain(deadline: number): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = resolve;
      this.send({ type: 'drain', deadline });
    });
  }

  /** Ends the thread. */
  async stop(): Promise<void> {
    this.#stopping = true;
    return new Promise((resolve) => {
      this.#ended = resolve;
      this.send({ type: 'stop' });
    });
  }

  /** Nobody answers any more. */
  #settleAll(): void {
    this.#gone = true;
    this.#inquiries.close();
    for (const resolve of this.#informed.splice(0)) resolve();
    this.#drained?.();
  }

  send(note: ToReactor): void {
    this.#thread.send(note);
  }

  #hear(note: FromReactor): void {
    switch (note.type) {
      case 'started':
        this.#resolveStarted();
        return;
      case 'failed':
        this.#rejectStarted(fromWire(note.error));
        return;
      case 'listening':
        this.#listening.get(note.listener)?.resolve(note.endpoint);
        return;
      case 'listenFailed':
        this.#listening.get(note.listener)?.reject(fromWire(note.error));
        return;
      case 'informed':
        this.#informed.shift()?.();
        return;
      case 'drained':
        this.#drained?.();
        return;
      case 'answer':
        this.#inquiries.answered(note);
    }
  }
}
