/** The public list. Everything else is internal, whatever its file says. */
export {
  createServer,
  Server,
  type CommandOptions,
  type CommandTarget,
  type OnOptions,
  type ServerInput,
  type TaskOptions,
} from './server.js';
export { Connection } from './worker/connection.js';
export type { ConnectionStream } from './worker/connection-stream.js';
export { Packet } from './worker/packet.js';
export { Logger } from './log.js';
export { PipeMessage } from './messaging/pipe-message.js';
export { Task, TaskResult } from './tasks/task.js';
export { tcp, udp, unix, raw, delimiter, lengthPrefix, custom } from './config/listeners.js';
export { ConfigError, HandlerError, ProcessError, ProtocolError, TaskError, ExitCode } from './errors.js';
export type { DispatchDecision, DispatchFunction, DispatchRequest } from './dispatch/dispatch-function.js';
export type { EnqueueOptions } from './tasks/queue-client.js';
export type { Accepted } from './tasks/queue/task-queue.js';
export type { Settings, SettingsInput } from './config/load.js';
export type { SendFileOptions } from './pipe/file-request.js';
export type { TaskWaitOptions } from './role-actions.js';
export type { CommandPlace, Definition, PayloadSchema } from './definition.js';
export type { Delivery, WorkerErrorEvent } from './events/event-table.js';
export type { HandlerTypes } from './handler-types.js';
export type { AdoptReason, CloseReason } from './pipe/messages.js';
export type { ServerStats } from './pipe/server-stats.js';
export type {
  ClientInfo,
  ProcessStatus,
  ReloadProgress,
  ReloadReport,
  ServerStatus,
} from './pipe/questions.js';
export type { Uid } from './pipe/orders.js';
export type { PeerCertificate, TlsInfo } from './platform/platform.js';
export type { RunningServer, WorkerStatus } from './kernel/running-server.js';
