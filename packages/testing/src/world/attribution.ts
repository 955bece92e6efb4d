/**
 * Tells which virtual process an exception belongs to that nobody caught.
 *
 * One event of one process runs at a time, and its promise jobs are drained
 * before the next event. So whatever surfaces in between (an unhandled
 * rejection, a throw in a microtask) is of the process whose event ran last.
 * That is exact and costs one assignment; AsyncLocalStorage would cost every
 * promise and tell no more, except for code that waits for real input or output
 * inside a simulation: what that throws goes to the test.
 *
 * While some world runs, the listeners of the test runner stand aside, and get
 * what belongs to no process. `process.exit` likewise ends the virtual process
 * that calls it, and not the test runner.
 */
import type { EventEmitter } from 'node:events';
import { tellProcessesBy } from '@shoal/core/internal/current-server';

export interface Suspect {
  uncaught(error: unknown, origin: Origin): void;
  /** It has called `process.exit`. */
  exit(code: number): void;
}

export type Origin = 'uncaughtException' | 'unhandledRejection';

let current: Suspect | undefined;
tellProcessesBy(() => current);
let watchers = 0;
let realExit: typeof process.exit | undefined;
let aside: { readonly origin: Origin; readonly listeners: readonly Listener[] }[] = [];

type Listener = (...values: unknown[]) => void;

/** From here until the next call, what nobody catches belongs to `suspect`, or to the test if undefined. */
export function attribute(suspect: Suspect | undefined): void {
  current = suspect;
}

/** Whose code is running; undefined for that of the test, and of what real input and output calls. */
export function running(): Suspect | undefined {
  return current;
}

export function watch(): void {
  if (watchers++ > 0) return;
  aside = [replace('uncaughtException'), replace('unhandledRejection')];
  realExit = process.exit;
  process.exit = exit;
}

export function unwatch(): void {
  if (--watchers > 0) return;
  current = undefined;
  if (realExit !== undefined) process.exit = realExit;
  for (const { origin, listeners } of aside) {
    process.removeAllListeners(origin);
    for (const listener of listeners) process.on(origin, listener);
  }
  aside = [];
}

/** `process.exit` of a virtual process ends that process; what its code does afterwards reaches nobody. */
function exit(code?: number | string | null): never {
  if (current === undefined) return realExit!.call(process, code);
  current.exit(Number(code ?? process.exitCode ?? 0));
  throw new Error('process.exit() has ended this virtual process');
}

function replace(origin: Origin): { origin: Origin; listeners: readonly Listener[] } {
  const listeners = process.rawListeners(origin) as Listener[];
  process.removeAllListeners(origin);
  const attributed: Listener = (error, detail) => {
    if (current !== undefined) {
      current.uncaught(error, origin);
      return;
    }
    // They are back in their place meanwhile: mocha's takes itself away and emits the event again.
    process.off(origin, attributed);
    for (const listener of listeners) process.on(origin, listener);
    try {
      if (!(process as EventEmitter).emit(origin, error, detail)) throw error;
    } finally {
      // Unless the last world has ended there, which puts them back for good.
      if (watchers > 0) {
        for (const listener of listeners) process.off(origin, listener);
        process.on(origin, attributed);
      }
    }
  };
  process.on(origin, attributed);
  return { origin, listeners };
}
