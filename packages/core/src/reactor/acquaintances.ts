import type { Introduction } from '../pipe/messages.js';
import type { WorkerPort } from './delivery.js';
import type { WorkerSlot } from './worker-slot.js';

/**
 * The workers that know a connection, in dispatch modes where any of them may
 * get its next event. One whose place another worker has is no acquaintance any
 * more: it leaves, and takes what it knows with it.
 */
export class Acquaintances {
  readonly #ports = new Map<WorkerSlot, WorkerPort>();

  constructor(
    private readonly id: number,
    private readonly introduction: Introduction,
  ) {}

  /** Its worker is about to get an event, and hears of the connection before. */
  introduceTo(slot: WorkerSlot, closed: boolean): void {
    const port = slot.port!;
    if (this.#ports.get(slot) === port) return;
    this.#ports.set(slot, port);
    port.introduce(this.id, this.introduction);
    if (closed) port.cancel(this.id);
  }

  /** Its worker hears of the connection by an event. */
  add(slot: WorkerSlot): void {
    this.#ports.set(slot, slot.port!);
  }

  cancel(): void {
    for (const [slot, port] of this.#ports) if (slot.port === port) port.cancel(this.id);
  }

  forget(): void {
    for (const [slot, port] of this.#ports) if (slot.port === port) port.forget(this.id);
  }
}
