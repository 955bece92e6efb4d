import type { ExploreOptions, SimulatedServer } from '@shoal/testing';
import { ClerkApp, DoormanApp } from '../fixtures/apps/clerks.js';
import { ParrotApp } from '../fixtures/apps/datagrams.js';
import { AsyncEchoApp, SyncEchoApp } from '../fixtures/apps/echo.js';
import { PressureApp } from '../fixtures/apps/pressure.js';
import { RoomsApp } from '../fixtures/apps/rooms.js';
import { BoundApp, LateStreamsApp, StreamsApp } from '../fixtures/apps/streams.js';
import { chat } from './chat.js';
import { talkAndDie } from './datagrams.js';
import { comeAndGo, findIdle, returnOften, scatter, shareOut, visit } from './dispatch.js';
import { flood, narrowListeners } from './floods.js';
import { Office } from './office.js';
import { orders } from './orders.js';
import { rounds } from './rounds.js';
import { bindAndEcho, conversation, converseToTheEnd, turnLate } from './streams.js';
import { visits } from './visits.js';
import { WatchApp } from './watch.js';
import { Workshop } from './workshop.js';

type Exploration = readonly [
  App: new () => object,
  scenario: (server: SimulatedServer) => Promise<void>,
  options: ExploreOptions,
];

// Large sends take several trips, and a worker may be back before the last words of the dead one have come.
const busy = { kernelBuffer: 32 * 1024, spawnDelay: [2, 50] } as const;
const replacements = { reloads: 2, stops: 3 };

/** Where mutants are looked for, each with its explorations. */
export const places: Readonly<Record<string, readonly Exploration[]>> = {
  office: [[Office, visits, busy]],
  // Retirements are where a watch changes hands, and a day has few.
  watch: [[WatchApp, rounds, { ...busy, faults: replacements }]],
  // So they are where tasks and messages come back.
  workshop: [[Workshop, orders, { ...busy, faults: { reloads: 2, stops: 6 } }]],
  rooms: [[RoomsApp, chat, { settings: { dispatchMode: 'uid', bakeTime: 0 }, faults: replacements }]],
  pressure: [
    [
      PressureApp,
      flood,
      { kernelBuffer: 4 * 1024, settings: { listeners: narrowListeners, bakeTime: 0 }, faults: replacements },
    ],
  ],
  datagrams: [
    [
      ParrotApp,
      talkAndDie,
      {
        settings: { taskWorkerNum: 0, maxQueuedBytes: 1_500, pipeWindow: 65_536 },
        faults: { crashes: 2, reloads: 2, stops: 2 },
      },
    ],
  ],
  streams: [
    [StreamsApp, conversation, { settings: { bakeTime: 0, maxWaitTime: 4_000 }, faults: replacements }],
    // Windows that are soon full.
    [
      StreamsApp,
      converseToTheEnd,
      {
        kernelBuffer: 4 * 1024,
        settings: { maxQueuedBytes: 16 * 1024, socketBufferSize: 16 * 1024, packageMaxLength: 8 * 1024 },
        faults: { reloads: 0, stops: 0 },
      },
    ],
    [
      BoundApp,
      bindAndEcho,
      { settings: { bakeTime: 0 }, faults: { ...replacements, crashes: 0, managerCrashes: 0 } },
    ],
    [
      LateStreamsApp,
      turnLate,
      { settings: { bakeTime: 0 }, faults: { ...replacements, crashes: 0, managerCrashes: 0 } },
    ],
  ],
  dispatch: [
    byCounts(AsyncEchoApp, scatter, 'leastInFlight'),
    byCounts(DoormanApp, visit, 'preemptive'),
    byCounts(SyncEchoApp, comeAndGo, 'leastConnections'),
    [
      SyncEchoApp,
      returnOften,
      {
        settings: { dispatchMode: 'ipHash', reactorNum: 2, workerNum: 2, bakeTime: 0 },
        faults: replacements,
      },
    ],
    [ClerkApp, shareOut, { settings: { dispatchMode: 'roundRobin', reactorNum: 2 }, faults: false }],
    [ClerkApp, findIdle, { settings: { dispatchMode: 'preemptive' }, faults: false }],
  ],
};

function byCounts(
  App: Exploration[0],
  scenario: Exploration[1],
  dispatchMode: 'preemptive' | 'leastInFlight' | 'leastConnections',
): Exploration {
  return [App, scenario, { settings: { dispatchMode, reactorNum: 2, bakeTime: 0 }, faults: replacements }];
}
