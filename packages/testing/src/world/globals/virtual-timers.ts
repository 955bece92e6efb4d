import { AsyncResource } from 'node:async_hooks';
import type { Clock, Timer } from '@shoal/core/internal/platform/platform';

export type Callback = (this: unknown, ...values: unknown[]) => unknown;

const LONGEST_DELAY = 2 ** 31 - 1;
/** Far above the ids of real timers, so that an id tells which kind it is of. */
const FIRST_ID = 1_000_000_000;

/** The timers that one virtual process has set by the global functions. They run on its clock, while it lives. */
export class VirtualTimers {
  /** Timers whose number has been asked for, as in Node. */
  readonly known = new Map<number, VirtualTimeout>();
  #nextId = FIRST_ID;

  constructor(readonly clock: Clock) {}

  timeout(
    callback: Callback,
    delay: unknown,
    values: readonly unknown[],
    kind: 'once' | 'repeats',
  ): VirtualTimeout {
    return new VirtualTimeout(this, this.#nextId++, callback, coerce(delay), values, kind);
  }

  immediate(callback: Callback, values: readonly unknown[]): VirtualImmediate {
    return new VirtualImmediate(this.clock, callback, values);
  }
}

/** Whole ms, from 1 to 2³¹ - 1; what is outside of them is 1, as in Node. */
function coerce(delay: unknown): number {
  // By arithmetic: of a bigint or a symbol it throws, as in Node.
  const ms = (delay as number) * 1;
  return ms >= 1 && ms <= LONGEST_DELAY ? Math.trunc(ms) : 1;
}

/** Behaves as `NodeJS.Timeout`. A reference keeps nothing alive: a virtual process does not end for want of work. */
export class VirtualTimeout {
  #timer: Timer | undefined;
  #referenced = true;
  #closed = false;
  readonly #context = new AsyncResource('Timeout', { requireManualDestroy: true });
  readonly #owner: VirtualTimers;
  readonly #id: number;
  readonly #callback: Callback;
  readonly #delay: number;
  readonly #values: readonly unknown[];
  readonly #repeats: boolean;

  constructor(
    owner: VirtualTimers,
    id: number,
    callback: Callback,
    delay: number,
    values: readonly unknown[],
    kind: 'once' | 'repeats',
  ) {
    this.#owner = owner;
    this.#id = id;
    this.#callback = callback;
    this.#delay = delay;
    this.#values = values;
    this.#repeats = kind === 'repeats';
    this.#set();
  }

  ref(): this {
    this.#referenced = true;
    return this;
  }

  unref(): this {
    this.#referenced = false;
    return this;
  }

  hasRef(): boolean {
    return this.#referenced;
  }

  /** Begins the delay anew, also of a timer that has run; not of one that was cleared. */
  refresh(): this {
    if (!this.#closed) this.#set();
    return this;
  }

  close(): this {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#owner.known.delete(this.#id);
    return this;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [Symbol.toPrimitive](): number {
    if (!this.#closed) this.#owner.known.set(this.#id, this);
    return this.#id;
  }

  #set(): void {
    this.#timer?.cancel();
    this.#timer = this.#owner.clock.setTimer(this.#delay, this.#run);
  }

  readonly #run = (): void => {
    this.#timer = undefined;
    try {
      this.#context.runInAsyncScope(this.#callback, this, ...this.#values);
    } finally {
      // An interval goes on after a callback that throws, if its process does.
      if (this.#repeats && !this.#closed) this.#set();
      else if (this.#timer === undefined) this.#owner.known.delete(this.#id);
    }
  };
}

/** Behaves as `NodeJS.Immediate`: runs after the promise jobs of the event in which it was set. */
export class VirtualImmediate {
  #referenced = true;
  #closed = false;

  constructor(clock: Clock, callback: Callback, values: readonly unknown[]) {
    const context = new AsyncResource('Immediate', { requireManualDestroy: true });
    clock.defer(() => {
      if (!this.#closed) context.runInAsyncScope(callback, this, ...values);
    });
  }

  ref(): this {
    this.#referenced = true;
    return this;
  }

  unref(): this {
    this.#referenced = false;
    return this;
  }

  hasRef(): boolean {
    return this.#referenced;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
  }
}
