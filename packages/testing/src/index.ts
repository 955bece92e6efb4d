/** The public list, by hand. */
export { simulate, type SimulateOptions } from './simulate.js';
export { launch, type LaunchOptions } from './launch.js';
export type { SimulatedServer } from './simulated-server.js';
export type { LaunchedServer } from './launched-server.js';
export type {
  ConnectionOptions,
  DatagramClientOptions,
  DatagramLink,
  LinkBehaviour,
  RunningInfo,
  TestClient,
  TestDatagramClient,
  TestLog,
  TestServer,
} from './harness.js';
export type { Override } from '@shoal/decorators';
export type { Overrides, OverridesByRole } from './override.js';
export { World, type Leftovers, type Notification, type TracedFact, type WorldLog } from './world/world.js';
export type { WorldOptions } from './world/world-options.js';
export { framingConformance } from './conformance/framing.js';
export { dispatchConformance, type DispatchSubject } from './conformance/dispatch.js';
export { explore, type ExploreOptions, type ExploreReport, type Replay } from './explore.js';
export { ExplorationError } from './exploration/exploration-error.js';
export type { Fault, CrashFault, CrashMoment, WriteCause } from './exploration/fault.js';
export type { FaultOptions } from './exploration/fault-plan.js';
export type { TraceEvent } from './trace/trace-event.js';
export type { ConnectionView, PacketView, TimerView } from './trace/picture.js';
export type { Scenario } from './exploration/run.js';
export type { AppClass, SettingsOverrides } from './application.js';
export { inBothWorlds, type BothWorldsOptions } from './in-both-worlds.js';
