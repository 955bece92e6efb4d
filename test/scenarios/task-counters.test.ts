import { expect } from 'chai';
import type { TestServer } from '@shoal/testing';
import { ChiefsApp } from '../fixtures/apps/chiefs.js';
import { eventually } from './facts.js';
import { inSimulation, inSimulationFirst } from './in-worlds.js';

/** Of the two tasks of the master and the five of the manager, of which two never end. */
const ALL = { posted: 7, finished: 5, outstanding: 2, lostWithPoster: 0, done: 5 };
/** A second manager has posted its five too. */
const WITH_A_SECOND = { posted: 12, finished: 8, outstanding: 2, lostWithPoster: 2, done: 8 };

describe('The counters of tasks', () => {
  inSimulation('hold what the first process has posted in base mode', ChiefsApp, hold(ALL), {
    settings: { mode: 'base' },
  });

  inSimulationFirst(
    'hold what master and manager have posted, also of a manager that is gone: what it waited for is lost with it',
    ChiefsApp,
    async (server) => {
      await hold(ALL)(server);
      await server.crashManager();
      await hold(WITH_A_SECOND)(server);
    },
    { settings: { mode: 'process' }, seeds: 5 },
  );

  inSimulation(
    'hold what a manager had told while nobody asked',
    ChiefsApp,
    async (server) => {
      await server.advance(10_000);
      await server.crashManager();
      await server.workersReady();
      await hold(WITH_A_SECOND)(server);
    },
    { settings: { mode: 'process' }, seeds: 5 },
  );
});

function hold(expected: object): (server: TestServer) => Promise<void> {
  return async (server) => {
    let tasks: object = {};
    const fits = async (): Promise<boolean> => {
      ({ tasks } = await server.stats());
      return Object.entries(expected).every(([name, count]) => tasks[name as keyof object] === count);
    };
    await eventually(server, `counters ${JSON.stringify(expected)}`, fits).catch((error: unknown) => {
      expect(tasks).to.deep.include(expected);
      throw error;
    });
  };
}
