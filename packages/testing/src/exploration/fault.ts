import type { LinkBehaviour } from '../world/link-behaviour.js';

/**
 * Something that goes wrong in a simulated world, at a moment of it. `at` is in
 * virtual ms since the server was ready.
 */
export type Fault =
  | CrashFault
  /** The manager dies. */
  | { readonly kind: 'crashManager'; readonly at: number }
  /** All workers are replaced by new ones with the same code. */
  | { readonly kind: 'reload'; readonly at: number }
  /** One worker is replaced while it lives. */
  | { readonly kind: 'stopWorker'; readonly at: number; readonly workerId: number }
  /** The event loop of a worker is blocked for so many ms. */
  | { readonly kind: 'hangWorker'; readonly at: number; readonly workerId: number; readonly ms: number }
  /** From here whatever goes between a worker and the others takes so many ms longer. */
  | { readonly kind: 'slowPipes'; readonly at: number; readonly workerId: number; readonly ms: number }
  /** Nothing passes between a client and the server for so many ms. Clients count from 0. */
  | { readonly kind: 'stall'; readonly at: number; readonly client: number; readonly ms: number }
  /** From here the link of a client behaves so. */
  | { readonly kind: 'shape'; readonly at: number; readonly client: number; readonly link: LinkBehaviour }
  /** The connection of a client breaks. */
  | { readonly kind: 'reset'; readonly at: number; readonly client: number };

/**
 * A worker, or a task worker, dies as by SIGKILL: at `at`, or at the first moment from then on
 * when it has just started a handler, sent something, settled a handler, posted a
 * task, sent a message or given a result of a task (and nothing of that has left
 * the process), or inside a write, of which any first part has left.
 */
export interface CrashFault {
  readonly kind: 'crashWorker';
  readonly at: number;
  readonly workerId: number;
  readonly when: CrashMoment;
  /** `write`: not the next one, but that which follows when a handler has done that. */
  readonly after?: WriteCause;
}

export type WriteCause = 'sent' | 'settled' | 'ended' | 'posted' | 'answered';

export type CrashMoment = 'now' | 'started' | 'sent' | 'settled' | 'posted' | 'answered' | 'write';

const CAUSES: Record<WriteCause, string> = {
  sent: 'a handler has sent something',
  settled: 'a handler has settled',
  ended: 'a handler has closed a connection',
  posted: 'it has posted a task or sent a message',
  answered: 'a task has given a result',
};

const MOMENTS: Record<CrashMoment, string> = {
  now: 'between two events',
  started: 'when it has just started a handler',
  sent: 'when a handler has just sent something',
  settled: 'when a handler has just settled',
  posted: 'when it has just posted a task or sent a message',
  answered: 'when a task has just given a result',
  write: 'inside a write',
};

/** `worker 0 dies inside a write, from 12.5 ms on` */
export function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case 'crashWorker':
      return `worker ${fault.workerId} dies ${MOMENTS[fault.when]}${fault.after === undefined ? '' : ` after ${CAUSES[fault.after]}`}, from ${fault.at} ms on`;
    case 'crashManager':
      return `the manager dies at ${fault.at} ms`;
    case 'reload':
      return `the workers are reloaded at ${fault.at} ms`;
    case 'stopWorker':
      return `worker ${fault.workerId} is replaced at ${fault.at} ms`;
    case 'hangWorker':
      return `worker ${fault.workerId} is blocked for ${fault.ms} ms at ${fault.at} ms`;
    case 'slowPipes':
      return `the pipes of worker ${fault.workerId} are slow by ${fault.ms} ms from ${fault.at} ms on`;
    case 'stall':
      return `the link of client ${fault.client} stalls for ${fault.ms} ms at ${fault.at} ms`;
    case 'shape':
      return `the link of client ${fault.client} is ${JSON.stringify(fault.link)} from ${fault.at} ms on`;
    case 'reset':
      return `the connection of client ${fault.client} breaks at ${fault.at} ms`;
  }
}
