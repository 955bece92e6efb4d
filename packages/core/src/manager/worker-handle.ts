import { ExitCode, type WireError } from '../errors.js';
import { workerTitle, type Place, type WorkerAssignment } from '../pipe/assignments.js';
import type { WorkerCounters } from '../pipe/counters.js';
import type { WorkerNote, WorkerRow, WorkerVitals } from '../pipe/crew-status.js';
import type { FromWorker, OnDisk, ToWorker } from '../pipe/notes.js';
import type { BoundListener, Child, Exit, ProcessIdentity } from '../platform/platform.js';

/** In the order in which a worker goes through them. */
const STATES = ['loading', 'loaded', 'starting', 'ready', 'serving', 'stopping', 'down'] as const;
export type WorkerState = (typeof STATES)[number];

const SHOWN: Record<WorkerState, WorkerNote['state']> = {
  loading: 'starting',
  loaded: 'starting',
  starting: 'starting',
  ready: 'starting',
  serving: 'ready',
  stopping: 'stopping',
  down: 'down',
};

/** What a manager holds of one living worker process. */
export class WorkerHandle {
  /** When it last answered, on the manager's clock. */
  lastHeard: number;
  /** When it began to serve, likewise. */
  servesSince: number | undefined;
  vitals: WorkerVitals | null = null;
  requestsPerSecond = 0;
  /** As last heard. */
  counters: { readonly of: WorkerCounters } | undefined;
  onDisk: OnDisk = { needRestart: [] };
  /** What it said last about its own failure. */
  failure: WireError | undefined;
  /** Why the manager killed it, if it did. */
  killReason: string | undefined;
  /** It serves, and has timers that run in one worker. */
  mayHoldTimers = false;
  /** It was started for a reload that came to nothing. */
  discarded = false;
  /** Its replacement is on the way. */
  recycling = false;
  /** It was killed because its event loop was blocked. */
  blocked = false;
  /** It was not ready within `bootTimeout`. */
  bootTimedOut = false;
  exit: Exit | undefined;
  /** Called when it has ended. */
  onBuried: (() => void) | undefined;
  #state: WorkerState = 'loading';
  /** Its program has reached the kernel. */
  #wasLoaded = false;
  /** By its place in `STATES`; that it leaves is no progress. */
  #furthest = 0;
  #place: Place | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(
    readonly assignment: WorkerAssignment,
    private readonly child: Child,
    readonly identity: ProcessIdentity,
    readonly generation: number,
    readonly startedAt: number,
  ) {
    this.lastHeard = startedAt;
    this.#place = assignment.place;
  }

  get state(): WorkerState {
    return this.#state;
  }

  set state(state: WorkerState) {
    this.#state = state;
    if (state === 'loaded' || state === 'starting') this.#wasLoaded = true;
    if (state !== 'stopping' && state !== 'down') this.#furthest = STATES.indexOf(state);
    for (const wake of this.#waiting) wake();
  }

  /** It had once run its start hooks. */
  get wasReady(): boolean {
    return this.#furthest >= STATES.indexOf('ready');
  }

  /** Undefined in a spare. */
  get place(): Place | undefined {
    return this.#place;
  }

  /** -1 in a spare. */
  get workerId(): number {
    return this.#place?.workerId ?? -1;
  }

  get title(): string {
    return workerTitle(this.placed);
  }

  /** Its assignment as it would be if it had had its place from the beginning. */
  get placed(): WorkerAssignment {
    return this.#place === undefined ? this.assignment : { ...this.assignment, place: this.#place };
  }

  note(restarts: number, current: boolean): WorkerNote {
    const { pid, startedAt } = this.identity;
    return {
      role: this.#place === undefined ? 'spare' : this.assignment.role,
      workerId: this.workerId,
      pid,
      startedAt,
      incarnation: this.#place?.incarnation ?? 0,
      state: SHOWN[this.#state],
      restarts,
      generation: this.generation,
      current,
    };
  }

  /** For `status`; `now` is the manager's time. */
  figures(now: number): Pick<WorkerRow, 'uptime' | 'vitals' | 'requestsPerSecond'> {
    const { vitals, requestsPerSecond, startedAt } = this;
    return { uptime: now - startedAt, vitals, requestsPerSecond };
  }

  /** Gives a spare its place. */
  assume(place: Place): void {
    this.#place = place;
    this.send({ type: 'assume', place });
  }

  /** Resolves with true once it has come so far, or farther; with false when it leaves before, or is down. */
  async reached(state: WorkerState): Promise<boolean> {
    const isThere = (): boolean => STATES.indexOf(this.#state) >= STATES.indexOf(state);
    while (!isThere()) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
    if (state === 'down') return true;
    return this.#state !== 'down' && this.#furthest >= STATES.indexOf(state);
  }

  send(note: ToWorker, listener?: BoundListener): void {
    this.child.send(note, listener);
  }

  onNote(receive: (note: FromWorker) => void): void {
    this.child.onMessage((message) => receive(message as FromWorker));
  }

  onExit(run: (exit: Exit) => void): void {
    this.child.onExit(run);
  }

  kill(reason: string): void {
    this.killReason ??= reason;
    this.child.kill('SIGKILL');
  }

  /** A sentence on why it ended. */
  explain(exit: Exit): string {
    if (this.killReason !== undefined) return this.killReason;
    if (this.failure !== undefined) return `${this.failure.name}: ${this.failure.message}`;
    if (exit.signal !== null) return `ended by ${exit.signal}`;
    if (exit.code === ExitCode.ok && !this.#wasLoaded)
      return 'it left by itself: does its program still call run() or start(), or does it exit?';
    return codeInWords(exit.code);
  }
}

function codeInWords(code: number | null): string {
  switch (code) {
    case null:
      return 'it could not be started';
    case ExitCode.ok:
      return 'it left by itself';
    case ExitCode.uncaught:
      return 'an error that nobody caught';
    case ExitCode.bootFailed:
      return 'it could not boot';
    case ExitCode.config:
      return 'its configuration is not valid';
    case ExitCode.orphaned:
      return 'its manager was gone';
    case 13:
      return 'a top-level await of its module never settled';
    default:
      return `exit code ${code}`;
  }
}
