import { launch, simulate, type SimulatedServer, type TestServer } from '@shoal/testing';
import { everythingIsPlayed, played } from '../exploration/breadth.js';

export type App = Parameters<typeof launch>[0];
type Settings = NonNullable<Parameters<typeof simulate>[1]>['settings'];

export interface ScenarioOptions {
  readonly settings?: Settings;
  /** How many seeds the simulation has, of which the suite plays a part. Default 10. */
  readonly seeds?: number;
  /** A longer limit for the real world, in ms. */
  readonly timeout?: number;
}

/**
 * Declares one scenario as two tests: in a simulated world, under several seeds,
 * and with real processes. The server is stopped at the end of each, which fails
 * if it does not leave with 0 or leaves anything behind.
 */
export function inWorlds(
  title: string,
  App: App,
  scenario: (server: TestServer) => Promise<void>,
  options: ScenarioOptions = {},
): void {
  inSimulation(title, App, scenario, options);
  withProcesses(title, App, scenario, options);
}

/**
 * Declares a scenario whose way from process to process another one shows with
 * real processes: the same mechanism in another mode, or with another outcome.
 * Those cost a second of CPU each, so the suite plays it in the simulated world,
 * and with real processes too where `SHOAL_BREADTH` asks for everything.
 */
export function inSimulationFirst(
  title: string,
  App: App,
  scenario: (server: TestServer) => Promise<void>,
  options: ScenarioOptions = {},
): void {
  inSimulation(title, App, scenario, options);
  if (everythingIsPlayed) withProcesses(title, App, scenario, options);
}

/** Declares a scenario whose breadth lies in many seeds, or that needs the simulated world itself. */
export function inSimulation(
  title: string,
  App: App,
  scenario: (server: SimulatedServer) => Promise<void>,
  options: ScenarioOptions = {},
): void {
  const { settings = {}, timeout = 20_000 } = options;
  const seeds = played(options.seeds ?? 10);
  it(`${title} (simulated, ${seeds} seeds)`, async () => {
    for (let seed = 1; seed <= seeds; seed++) await play(await simulate(App, { seed, settings }), scenario);
  }).timeout(timeout);
}

/** Declares a scenario of what only real processes do. */
export function withProcesses(
  title: string,
  App: App,
  scenario: (server: TestServer) => Promise<void>,
  options: ScenarioOptions = {},
): void {
  const { settings = {}, timeout = 20_000 } = options;
  it(`${title} (real processes)`, async () => {
    await play(await launch(App, { settings }), scenario);
  }).timeout(timeout);
}

async function play<Server extends TestServer>(
  server: Server,
  scenario: (server: Server) => Promise<void>,
): Promise<void> {
  try {
    await scenario(server);
  } catch (error) {
    await server.stop().catch(() => undefined);
    throw error;
  }
  await server.stop();
}
