import type { Uid } from '../pipe/orders.js';
import type { Dispatched, DispatchPolicy } from './dispatch.js';
import { Fixed } from './fixed.js';

/**
 * All connections of one uid belong to one worker, whichever reactor has them:
 * the worker is a hash of the uid. Until a connection is bound it is dispatched
 * as by `Fixed`.
 */
export class ByUid implements DispatchPolicy {
  readonly sticky = true;
  readonly followsUid = true;
  readonly #unbound: Fixed;

  constructor(
    private readonly workerNum: number,
    idStep: number,
  ) {
    this.#unbound = new Fixed(workerNum, idStep);
  }

  pick(what: Dispatched): number {
    const { uid } = what;
    return uid === undefined ? this.#unbound.pick(what) : hash(uid) % this.workerNum;
  }
}

/** FNV-1a with a last mixing step, without which numbers in a row would not spread over few workers. */
function hash(uid: Uid): number {
  const text = String(uid);
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
