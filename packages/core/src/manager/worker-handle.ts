import { ExitCode, type WireError } from '../errors.js';
import {
  workerTitle,
  type FromWorker,
  type ToWorker,
  type WorkerAssignment,
  type WorkerNote,
} from '../pipe/messages.js';
import type { BoundListener, Child, Exit, ProcessIdentity } from '../platform/platform.js';

/** What a manager holds of one living worker process. */
export class WorkerHandle {
  state: 'starting' | 'ready' | 'stopping' | 'down' = 'starting';
  /** When it last answered, on the manager's clock. */
  lastHeard: number;
  /** What it said last about its own failure. */
  failure: WireError | undefined;
  /** Why the manager killed it, if it did. */
  killReason: string | undefined;
  /** It was killed because its event loop was blocked. */
  blocked = false;
  /** It was not ready within `bootTimeout`. */
  bootTimedOut = false;
  /** Called when it has ended. */
  onBuried: (() => void) | undefined;
  /** It had reported ready. */
  wasReady = false;

  constructor(
    readonly assignment: WorkerAssignment,
    private readonly child: Child,
    readonly identity: ProcessIdentity,
    /** How often this id had been started before. */
    readonly restarts: number,
    readonly startedAt: number,
  ) {
    this.lastHeard = startedAt;
  }

  get workerId(): number {
    return this.assignment.workerId;
  }

  get title(): string {
    return workerTitle(this.assignment);
  }

  get note(): WorkerNote {
    const { pid, startedAt } = this.identity;
    const { incarnation } = this.assignment;
    return {
      workerId: this.workerId,
      pid,
      startedAt,
      incarnation,
      state: this.state,
      restarts: this.restarts,
    };
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
