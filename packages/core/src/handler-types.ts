import type { Delivery, WorkerErrorEvent } from './events/event-table.js';
import type { AdoptReason, CloseReason } from './pipe/messages.js';
import type { ReloadReport } from './pipe/questions.js';
import type { PipeMessage } from './messaging/pipe-message.js';
import type { Task, TaskResult } from './tasks/task.js';
import type { Connection } from './worker/connection.js';
import type { ConnectionStream } from './worker/connection-stream.js';
import type { Packet } from './worker/packet.js';

/** What the handler of each event is called with. A handler may take fewer arguments. */
export interface HandlerTypes {
  readonly start: () => unknown;
  readonly beforeShutdown: () => unknown;
  readonly shutdown: () => unknown;
  readonly managerStart: () => unknown;
  readonly managerStop: () => unknown;
  readonly workerStart: (workerId: number) => unknown;
  readonly workerExit: (workerId: number) => unknown;
  readonly workerStop: (workerId: number) => unknown;
  readonly workerError: (event: WorkerErrorEvent) => unknown;
  readonly beforeReload: () => unknown;
  readonly afterReload: (report: ReloadReport) => unknown;
  readonly connect: (connection: Connection) => unknown;
  readonly adopt: (connection: Connection, reason: AdoptReason) => unknown;
  readonly connection: (stream: ConnectionStream, connection: Connection) => unknown;
  readonly drain: (connection: Connection) => unknown;
  readonly receive: (connection: Connection, data: Buffer, delivery: Delivery) => unknown;
  /** Its data have been in another process: a structured clone of what was sent. */
  readonly command: (data: any) => unknown;
  readonly close: (connection: Connection, reason: CloseReason) => unknown;
  readonly packet: (packet: Packet, delivery: Delivery) => unknown;
  readonly bufferFull: (connection: Connection) => unknown;
  readonly bufferEmpty: (connection: Connection) => unknown;
  readonly task: (task: Task<never>) => unknown;
  readonly finish: (result: TaskResult<never>) => unknown;
  readonly pipeMessage: (message: PipeMessage<never>) => unknown;
}
