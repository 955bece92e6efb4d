/** The public list, by hand. */
export { run } from './run.js';
export { ServerConfig, moduleOf, type ServerOptions } from './server-config.js';
export { Process } from './process.js';
export { OnCommand, type CommandOptions } from './command.js';
export { Handler, type HandlerOptions } from './handler.js';
export {
  OnAdopt,
  OnBufferEmpty,
  OnBufferFull,
  OnClose,
  OnConnect,
  OnConnection,
  OnDrain,
  OnReceive,
  type ConnectionEventOptions,
} from './connection-events.js';
export { OnPacket } from './datagram-events.js';
export {
  OnAfterReload,
  OnBeforeReload,
  OnBeforeShutdown,
  OnManagerStart,
  OnManagerStop,
  OnShutdown,
  OnStart,
  OnWorkerError,
  OnWorkerExit,
  OnWorkerStart,
  OnWorkerStop,
} from './process-events.js';
export { OnFinish, OnPipeMessage, OnTask, type TaskSchemas } from './message-events.js';
export { tasks, type TaskCaller } from './tasks.js';
export { After, Tick, type TimerOptions } from './timers.js';
export { Injectable, type InjectableOptions } from './injectable.js';
export { inject } from './inject.js';
export type { Scope } from './scope.js';
export type {
  ClassProvider,
  FactoryProvider,
  Override,
  OverrideRegistry,
  Provider,
  Replacement,
  Resolver,
  Token,
  ValueProvider,
} from './provider.js';
export type { ProcessPlace } from './process-place.js';
export { readDefinition, type DefinitionOptions } from './read-definition.js';
