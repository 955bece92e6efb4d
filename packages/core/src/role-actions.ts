import type { Settings } from './config/load.js';
import type { RoleName } from './definition.js';
import type { Part } from './pipe/parts.js';
import type { AnswerTo, Question } from './pipe/questions.js';
import type { TimerFunction } from './timers/timers.js';

/** What the `Server` object does in one process; each role brings its own. */
export interface RoleActions {
  readonly role: RoleName;
  /** -1 where there is none. */
  readonly workerId: number;
  readonly workerPid: number;
  readonly masterPid: number;
  readonly managerPid: number;
  readonly setting: Settings;
  send(connectionId: number, data: Part): boolean;
  close(connectionId: number, reset: boolean): boolean;
  tick(interval: number, run: TimerFunction): number;
  after(delay: number, run: TimerFunction): number;
  clearTimer(id: number): boolean;
  /** Asks a process to run a handler of the application; resolves with its answer. */
  command(name: string, target: number | string, data: unknown, timeout: number): Promise<unknown>;
  /** Asks the process that knows. */
  ask<Asked extends Question>(question: Asked): Promise<AnswerTo<Asked>>;
}
