import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers';
import promised from 'node:timers/promises';
import { date, monotonicTime, timeOrigin, wallTime } from './global-clocks.js';
import { getRandomValues, random, randomUUID } from './global-randomness.js';
import * as global from './global-timers.js';
import * as promising from './promised-timers.js';
import { holderOf, type Make, replace } from './replacement.js';

/**
 * Puts substitutes in the place of the global timers, clocks and randomness of
 * this realm. Each looks whose code is running: code of a virtual process whose
 * world has the option gets its own clock and numbers; for everything else (the
 * test, its runner, real input and output, other worlds) it is the real
 * function, or the fake one that a test had put there before.
 *
 * They are in place only while a test waits for such a world, because only then
 * does code of a virtual process run. So a test never sees them between two
 * waits, a world that is never ended leaves nothing behind, and fake timers that
 * are installed or removed between waits find what they expect.
 */
let users = 0;
let undoing: (() => void)[] = [];

export function takeGlobals(): void {
  if (users++ > 0) return;
  for (const [holder, key, make] of places()) {
    const undo = holder === undefined ? undefined : replace(holder, key, make);
    if (undo !== undefined) undoing.push(undo);
  }
  // Named imports of the modules of Node are bound to what this call finds.
  syncBuiltinESMExports();
}

export function giveGlobalsBack(): void {
  if (--users > 0) return;
  for (const undo of undoing) undo();
  undoing = [];
  syncBuiltinESMExports();
}

type Place = readonly [holder: object | undefined, key: PropertyKey, make: Make];

/** Looked up each time: a test may have put others in their places. */
function places(): readonly Place[] {
  const { AbortSignal, Date, Math, crypto, performance } = globalThis;
  return [
    ...[globalThis, timers].flatMap((holder): Place[] => [
      [holder, 'setTimeout', global.setTimeout],
      [holder, 'setInterval', global.setInterval],
      [holder, 'setImmediate', global.setImmediate],
      [holder, 'clearTimeout', global.clearTimeout],
      [holder, 'clearInterval', global.clearTimeout],
      [holder, 'clearImmediate', global.clearImmediate],
    ]),
    [promised, 'setTimeout', promising.setTimeout],
    [promised, 'setInterval', promising.setInterval],
    [promised, 'setImmediate', promising.setImmediate],
    [holderOf(promised.scheduler, 'wait'), 'wait', promising.wait],
    [holderOf(promised.scheduler, 'yield'), 'yield', promising.yieldTurn],
    [AbortSignal, 'timeout', global.abortAfter],
    [holderOf(Date, 'now'), 'now', wallTime],
    [Date.prototype, 'constructor', date],
    [globalThis, 'Date', date],
    [holderOf(performance, 'now'), 'now', monotonicTime],
    [holderOf(performance, 'timeOrigin'), 'timeOrigin', timeOrigin],
    [Math, 'random', random],
    [holderOf(crypto, 'getRandomValues'), 'getRandomValues', getRandomValues],
    [holderOf(crypto, 'randomUUID'), 'randomUUID', randomUUID],
  ];
}
