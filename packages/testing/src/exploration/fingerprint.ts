import type { TraceEvent } from '../trace/trace-event.js';

/** A hash of what happened, in order, without the times: equal for runs of one interleaving. */
export class Fingerprint {
  #hash = 0x811c9dc5;

  get value(): number {
    return this.#hash >>> 0;
  }

  add(event: TraceEvent): void {
    this.#mix(event.pid);
    this.#mixText(event.kind);
    if ('event' in event) this.#mixText(event.event);
    if ('client' in event) this.#mix(event.client);
    if ('connection' in event) this.#mix(event.connection);
    if ('packet' in event && typeof event.packet === 'number') this.#mix(event.packet);
    if ('subject' in event) this.#mix(event.subject);
    if ('seq' in event) this.#mix(event.seq);
    if ('bytes' in event) this.#mix(event.bytes);
  }

  #mixText(text: string): void {
    for (let at = 0; at < text.length; at++) this.#mix(text.charCodeAt(at));
  }

  #mix(value: number): void {
    this.#hash = Math.imul(this.#hash ^ value, 0x01000193);
  }
}
