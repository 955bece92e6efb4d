import type { Lease, QueuedTask } from './queued-task.js';
import { encodeLease, leaseKey } from './task-record.js';
import type { WriteBehind } from './write-behind.js';

/**
 * Who holds what. Tasks that were taken together share one record, which goes
 * with the last of them; where that happens before it is written, it never is.
 *
 * The record is no lease: those end with the process. It tells the next owner
 * what had been given away when this one died.
 */
export class Leases {
  readonly #byLessee = new Map<number, Set<Lease>>();
  #next = 1;

  constructor(private readonly writes: WriteBehind) {}

  grant(lessee: number, tasks: QueuedTask[]): void {
    const { round } = this.writes;
    const lease: Lease = { key: leaseKey(this.#next++), lessee, round, tasks, open: tasks.length };
    for (const task of tasks) task.lease = lease;
    const leases = this.#byLessee.get(lessee);
    if (leases === undefined) this.#byLessee.set(lessee, new Set([lease]));
    else leases.add(lease);
    this.#write(lease);
  }

  /** The task is held no more; without a lease it is left alone. */
  end(task: QueuedTask): void {
    const { lease } = task;
    if (lease === undefined) return;
    task.lease = undefined;
    if (--lease.open > 0) return;
    this.writes.revoke(lease.key, lease.round);
    const leases = this.#byLessee.get(lease.lessee);
    leases?.delete(lease);
    if (leases?.size === 0) this.#byLessee.delete(lease.lessee);
  }

  /** Ends them such that nobody takes the tasks for started, were the owner to die now. */
  takeBack(tasks: readonly QueuedTask[]): void {
    const shrunk = new Set<Lease>();
    for (const task of tasks) {
      if (task.lease !== undefined) shrunk.add(task.lease);
      this.end(task);
    }
    for (const lease of shrunk) if (lease.open > 0) this.#write(lease);
  }

  heldBy(lessee: number): QueuedTask[] {
    const leases = [...(this.#byLessee.get(lessee) ?? [])];
    return leases.flatMap((lease) => lease.tasks.filter((task) => task.lease === lease));
  }

  revokeAll(): void {
    for (const leases of this.#byLessee.values())
      for (const { key, round } of leases) this.writes.revoke(key, round);
    this.#byLessee.clear();
  }

  /** It becomes durable with what comes next; nobody waits for it. */
  #write(lease: Lease): void {
    this.writes.setPassing(lease.key, encodeLease(lease.tasks.filter((task) => task.lease === lease)));
  }
}
