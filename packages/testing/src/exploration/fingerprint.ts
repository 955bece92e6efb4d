import type { TraceEvent } from '../trace/trace-event.js';

/** A hash of what happened, in order, without the times: equal for runs of one interleaving. */
export class Fingerprint {
  #hash = 0x811c9dc5;

  get value(): number {
    return this.#hash >>> 0;
  }

  add(event: TraceEvent): void {
    const { kind, pid } = event;
    this.#mix(pid);
    this.#mix(kind.charCodeAt(0) * 31 + kind.charCodeAt(kind.length - 1));
    if ('connection' in event) this.#mix(event.connection);
    if ('packet' in event && typeof event.packet === 'number') this.#mix(event.packet);
    if ('subject' in event) this.#mix(event.subject);
    if ('bytes' in event) this.#mix(event.bytes);
  }

  #mix(value: number): void {
    this.#hash = Math.imul(this.#hash ^ value, 0x01000193);
  }
}
