import type { Suspect } from '../attribution.js';
import { running } from '../attribution.js';
import type { Prng } from '../prng.js';
import type { VirtualClock } from '../virtual-clock.js';
import { VirtualTimers } from './virtual-timers.js';

/** What the global timers, `Date` and randomness are inside one virtual process or thread. */
export class ProcessGlobals {
  readonly timers: VirtualTimers;

  constructor(
    readonly clock: VirtualClock,
    private readonly random: Prng,
  ) {
    this.timers = new VirtualTimers(clock);
  }

  /** A number in [0, 1) with 53 random bits, as many as `Math.random` has, so that ids made of it do not collide. */
  number(): number {
    const high = this.random.integer(0, 2 ** 27 - 1);
    const low = this.random.integer(0, 2 ** 26 - 1);
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  fill(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.random.integer(0, 255);
  }
}

const bound = new WeakMap<Suspect, ProcessGlobals>();

/** From here the globals mean this while code of `owner` runs. */
export function bindGlobals(owner: Suspect, globals: ProcessGlobals): void {
  bound.set(owner, globals);
}

/** Those of the process whose code is running; undefined when there is none, or its world leaves the globals alone. */
export function here(): ProcessGlobals | undefined {
  const owner = running();
  return owner === undefined ? undefined : bound.get(owner);
}
