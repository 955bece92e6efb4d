import { AwaitingEchoApp, EchoApp } from './apps.js';
import { boots } from './boots.js';
import { explorations } from './explorations.js';
import { messages, type MessageLoad } from './messages.js';
import type { Tally } from './tally.js';

/** One line of the result. */
export interface Row {
  readonly name: string;
  readonly about: string;
  readonly unit: 'boots' | 'messages' | 'runs';
  /** Boots, messages or runs per second that it is held against. */
  readonly goal?: number;
  readonly run: (duration: number) => Promise<Tally>;
}

const BOOTS_PER_SECOND = 500;
const MESSAGES_PER_SECOND = 200_000;
/** Two thousand a minute. */
const RUNS_PER_SECOND = 34;

const many = { clients: 10, inFlight: 16, trace: true };
const one = { clients: 1, inFlight: 1, trace: true };

function messageRow(name: string, about: string, load: MessageLoad, goal?: number): Row {
  return {
    name,
    about,
    unit: 'messages',
    run: (duration) => messages(load, duration),
    ...(goal !== undefined && { goal }),
  };
}

/** In the order in which they take their turns. */
export const rows: readonly Row[] = [
  {
    name: 'boot',
    about: 'simulate(App) and stop(): 1 reactor, 2 workers',
    unit: 'boots',
    goal: BOOTS_PER_SECOND,
    run: boots,
  },
  messageRow(
    'sync',
    '10 clients, 16 in flight each, handler returns nothing',
    { app: EchoApp, ...many },
    MESSAGES_PER_SECOND,
  ),
  messageRow('sync-untraced', 'the same, and the trace is thrown away', {
    app: EchoApp,
    ...many,
    trace: false,
  }),
  messageRow(
    'async',
    '10 clients, 16 in flight each, handler awaits before it answers',
    { app: AwaitingEchoApp, ...many },
    MESSAGES_PER_SECOND,
  ),
  messageRow('async-untraced', 'the same, and the trace is thrown away', {
    app: AwaitingEchoApp,
    ...many,
    trace: false,
  }),
  messageRow('one', '1 client of the harness, 1 in flight: send, await receive', {
    app: EchoApp,
    ...one,
  }),
  {
    name: 'explore',
    about: 'runs of an exploration: 3 clients, 20 lines each, faults, promises checked',
    unit: 'runs',
    goal: RUNS_PER_SECOND,
    run: explorations,
  },
];
