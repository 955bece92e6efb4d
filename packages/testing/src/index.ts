/** The public list, by hand. */
export { simulate, type SimulateOptions } from './simulate.js';
export { launch, type LaunchOptions } from './launch.js';
export type { SimulatedServer } from './simulated-server.js';
export type { LaunchedServer } from './launched-server.js';
export type { ConnectionOptions, RunningInfo, TestClient, TestLog, TestServer } from './harness.js';
export type { Override } from './override.js';
export { World, type Leftovers, type TracedFact, type WorldLog } from './world/world.js';
export type { WorldOptions } from './world/world-options.js';
export { framingConformance } from './conformance/framing.js';
