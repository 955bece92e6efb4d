import type { WorkerAssignment } from '../pipe/assignments.js';
import type { WorkerNote } from '../pipe/crew-status.js';
import { Permits } from './permits.js';
import type { RestartPolicy } from './restart-policy.js';
import type { WorkerHandle } from './worker-handle.js';

/**
 * The place of one id: the worker that has it, the one that will, and those that
 * had it and finish what they have begun. It survives them all.
 */
export class WorkerPlace {
  current: WorkerHandle | undefined;
  /** Booted beside the current one, to take over from it. */
  successor: WorkerHandle | undefined;
  readonly retiring = new Set<WorkerHandle>();
  /** How often a worker was started in place of one that died. A replacement that was planned does not count. */
  restarts = -1;
  lastCrash: { readonly at: number; readonly reason: string } | null = null;
  /** Only one replacement at a time. */
  readonly replacements = new Permits(1);

  constructor(
    readonly workerId: number,
    readonly duty: Pick<WorkerAssignment, 'role' | 'userProcess'>,
    readonly policy: RestartPolicy,
  ) {}

  /** Nobody has it, and nobody is on the way to it. */
  get vacant(): boolean {
    return this.current === undefined && (this.successor === undefined || this.successor.discarded);
  }

  /** A worker has ended, in whatever way it had to do with the place. */
  left(worker: WorkerHandle): void {
    if (this.current === worker) this.current = undefined;
    if (this.successor === worker) this.successor = undefined;
    this.retiring.delete(worker);
  }

  /** Of the worker that has it; down while there is none. */
  get note(): WorkerNote {
    const restarts = Math.max(0, this.restarts);
    if (this.current !== undefined) return this.current.note(restarts, true);
    const { workerId } = this;
    return {
      role: this.duty.role,
      workerId,
      pid: 0,
      startedAt: '',
      incarnation: 0,
      state: 'down',
      restarts,
      generation: 0,
      current: true,
    };
  }
}
