import type { DatagramTarget } from './config/datagram-target.js';
import type { Settings } from './config/load.js';
import type { RoleName } from './definition.js';
import type { ConnectionActs } from './directory/connection-acts.js';
import type { FileRequest } from './pipe/messages.js';
import type { Part } from './pipe/parts.js';
import type { AnswerTo, Question } from './pipe/questions.js';
import type { Messenger } from './messaging/messenger.js';
import type { Accepted } from './tasks/queue/task-queue.js';
import type { EnqueueOptions } from './tasks/queue-client.js';
import type { TaskResult } from './tasks/task.js';
import type { TimerFunction } from './timers/timers.js';

export interface TaskWaitOptions {
  /** ms, from 1; left out, it waits until the task has settled. */
  readonly timeout?: number;
  /** Which task worker, counted from 0; left out, the one with the least to do. */
  readonly dst?: number;
  readonly signal?: AbortSignal;
}

/** How a process posts tasks. Each method throws, or rejects with, `TaskError`. */
export interface TaskActions {
  task(
    name: string,
    data: unknown,
    target: number | undefined,
    callback: ((result: TaskResult) => unknown) | undefined,
  ): number;
  taskWait(name: string, data: unknown, options: TaskWaitOptions): Promise<unknown>;
  room(): Promise<void>;
  enqueue(data: unknown, options: EnqueueOptions): Promise<Accepted>;
}

/** What a process may want of any client, whoever serves it. See `Server`. */
export interface ClientActions {
  sendWait(connectionId: number, data: Part): Promise<void>;
  sendFile(connectionId: number, request: FileRequest): Promise<void>;
  read(connectionId: number, paused: boolean): boolean;
}

/** What is done with a connection by its id, from a process that need not serve it. */
export interface ById {
  send(connectionId: number, data: Part): boolean;
  close(connectionId: number, reset: boolean): boolean;
  /** What is done with connections, beside sending to one and closing it. */
  readonly acts: ConnectionActs;
  readonly clients: ClientActions;
}

/** What the `Server` object does in one process; each role brings its own. */
export interface RoleActions extends ById {
  readonly role: RoleName;
  /** -1 where there is none. */
  readonly workerId: number;
  readonly workerPid: number;
  readonly masterPid: number;
  readonly managerPid: number;
  readonly setting: Settings;
  sendto(to: DatagramTarget, data: Part): boolean;
  tick(interval: number, run: TimerFunction): number;
  after(delay: number, run: TimerFunction): number;
  clearTimer(id: number): boolean;
  readonly messenger: Messenger;
  readonly tasks: TaskActions;
  /** Asks a process to run a handler of the application; resolves with its answer. */
  command(name: string, target: number | string, data: unknown, timeout: number): Promise<unknown>;
  /** Asks the process that knows. */
  ask<Asked extends Question>(question: Asked): Promise<AnswerTo<Asked>>;
}
