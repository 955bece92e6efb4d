import { LARGEST_READ } from './medium.js';

/**
 * How the link between one client and the server behaves, in a simulation. It
 * holds for both directions of that client alone. The bytes of one direction
 * always arrive in the order in which they were written, and an end or a reset
 * after them.
 */
export interface LinkBehaviour {
  /**
   * Virtual ms of the slowest trip in one direction, 0 to 3,600,000; the
   * quickest takes 1/16 ms, and each trip is drawn between the two. Default: the
   * world's `networkLatency`.
   */
  readonly latency?: number;
  /**
   * Bytes per virtual second in each direction, 1 to Infinity. Bytes arrive
   * while others still wait, in pieces of what passes within 10 ms: at least one
   * byte, at most 1,460. N bytes have passed after N / bandwidth seconds, rounded
   * up to 1/16 ms, and arrive one trip later. Default Infinity: whatever was
   * written passes at once.
   */
  readonly bandwidth?: number;
  /**
   * The most bytes that one read yields, on either side: a whole number from 1
   * (byte by byte) to 65,536. Every read then yields as many as there are, up to
   * this, and the world's `fragmentation` is not asked. Default: at most 65,536,
   * and less by chance, as `fragmentation` says.
   */
  readonly fragment?: number;
  /**
   * Virtual ms for which bytes gather, counted from the first of them, before
   * they set off as one piece: 0 to 3,600,000. An end or a reset sends them off
   * at once. With 0 every write travels on its own; in both cases the world's
   * `coalescing` is not asked. Default: no gathering, but bytes join others by
   * chance, as `coalescing` says.
   */
  readonly coalesce?: number;
}

/** What a test does to the link of one client. Everything holds from now on; what has set off arrives as it would have. */
export interface ClientLink {
  /** Takes the place of the whole behaviour. What is not given is as the world has it. */
  shape(behaviour: LinkBehaviour): void;
  /** Nothing passes for so many virtual ms; a further call sets another end. */
  stall(ms?: number): void;
  unstall(): void;
  /** Nothing passes any more, ever. */
  goHalfOpen(): void;
  /** Ends a stall, and gives back the behaviour that it was made with. */
  heal(): void;
}

interface Bound {
  readonly least: number;
  readonly most: number;
  readonly whole?: boolean;
  readonly unit: string;
  /** What to do instead. */
  readonly remedy: string;
}

const LONGEST_MS = 3_600_000;

const BOUNDS: Readonly<Record<keyof LinkBehaviour, Bound>> = {
  latency: {
    least: 0,
    most: LONGEST_MS,
    unit: 'virtual ms',
    remedy:
      'leave it out for the latency of the world, or call stall() on the client for a link that is stuck',
  },
  bandwidth: {
    least: 1,
    most: Infinity,
    unit: 'bytes per virtual second',
    remedy: 'leave it out for no bound, or call stall() on the client for a link that is stuck',
  },
  fragment: {
    least: 1,
    most: LARGEST_READ,
    whole: true,
    unit: 'bytes',
    remedy: 'leave it out for reads as the fragmentation of the world has them',
  },
  coalesce: {
    least: 0,
    most: LONGEST_MS,
    unit: 'virtual ms',
    remedy: 'leave it out for joins as the coalescing of the world has them',
  },
};

/** Throws for the first option that is unknown or out of its range. */
export function checkLink(behaviour: LinkBehaviour): void {
  for (const [name, value] of Object.entries(behaviour)) {
    const bound = (BOUNDS as Readonly<Record<string, Bound>>)[name];
    if (bound === undefined) {
      throw new Error(`a link has no option ${name}; it has ${Object.keys(BOUNDS).join(', ')}`);
    }
    checkBound(`${name} of a link`, value, bound);
  }
}

/** Checks how long something lasts, which may be for ever. */
export function checkDuration(name: string, ms: number): void {
  const remedy = 'leave it out for no end';
  checkBound(name, ms, { least: 0, most: Infinity, unit: 'ms', remedy });
}

/** Checks how long something takes, which ends. */
export function checkDelay(name: string, ms: number): void {
  checkBound(name, ms, { least: 0, most: LONGEST_MS, unit: 'ms', remedy: 'use 0 for none' });
}

function checkBound(name: string, value: unknown, { least, most, whole, unit, remedy }: Bound): void {
  const fits = typeof value === 'number' && value >= least && value <= most;
  if (fits && (whole !== true || Number.isInteger(value))) return;
  const kind = whole === true ? `a whole number of ${unit}` : unit;
  throw new Error(`${name} takes ${kind} from ${least} to ${most}, not ${String(value)}; ${remedy}`);
}
