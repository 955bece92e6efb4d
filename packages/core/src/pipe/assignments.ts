/**
 * What a process or thread is told to be by whoever spawns it, before there is a
 * pipe or a link to say anything over.
 */
import type { Settings } from '../config/load.js';
import type { DoorMemory } from './door-memory.js';

/** What a spawner asks a process or thread to be. */
export type Assignment = ReactorAssignment | ManagerAssignment | WorkerAssignment | CheckAssignment;

export interface ReactorAssignment {
  readonly role: 'reactor';
  readonly index: number;
  readonly settings: Settings;
  /** Where workers connect. */
  readonly pipePath: string;
  /** What all reactors count together: see `dispatch/shared-counts.ts`. */
  readonly shared: SharedArrayBuffer;
  readonly door: DoorMemory;
}

export interface ManagerAssignment {
  readonly role: 'manager';
  readonly settings: Settings;
  readonly masterPid: number;
  readonly pipePaths: readonly string[];
  /** Where the sockets of the server are; the manager removes it when the master is gone. */
  readonly runtimeDirectory: string;
  /** Names of the user processes. */
  readonly userProcesses: readonly string[];
  /** Incarnations of this manager's workers lie above this number. */
  readonly incarnationBase: number;
  readonly original: Original;
  /** The generation of workers that it starts with. */
  readonly generation: number;
  /** Timers of `on: 'one'` that run once, and have under an earlier manager. */
  readonly timersRan: readonly string[];
}

export interface WorkerAssignment {
  readonly role: 'worker' | 'taskWorker' | 'userProcess' | 'queue';
  /** Absent in a spare, which loads the application and waits to be given one. */
  readonly place?: Place;
  /** The name of a user process. */
  readonly userProcess?: string;
  /** `PIPE_VERSION` of the manager: a program on disk whose kernel is another one cannot join. */
  readonly version: number;
  readonly original: Original;
  readonly settings: Settings;
  readonly masterPid: number;
  readonly managerPid: number;
  /** process mode: the reactors to connect to. */
  readonly pipePaths: readonly string[];
  /** Where the sockets of the server are, and what workers leave for their manager. */
  readonly runtimeDirectory: string;
  /** Names of the user processes, in the order of their ids. */
  readonly userProcesses: readonly string[];
}

/** The id that a worker has, and its number among all that ever had one. */
export interface Place {
  /** Event workers first, then task workers, then user processes in the order of `addProcess`, then the queue. */
  readonly workerId: number;
  /** Grows with every start of any worker; messages of an older one are ignored. */
  readonly incarnation: number;
}

/** The program as the master has loaded it, for a worker to compare with what it finds on disk. */
export interface Original {
  /** What a reload must not leave unsaid: see `events/fingerprint.ts`. */
  readonly fixed: FixedParts;
  /** The settings as they were written; undefined where they have no text: see `config/written.ts`. */
  readonly written: string | undefined;
}

/** What only a restart applies, by name and fingerprint: hooks of master and manager, framing and dispatch modules. */
export type FixedParts = Readonly<Record<string, string>>;

/** Say what the program would start, and start nothing. */
export interface CheckAssignment {
  readonly role: 'check';
}

/** `worker 0`, `task worker 2`, `process poller`, `queue`: for process titles and logs. */
export function workerTitle({ role, place, userProcess }: WorkerAssignment): string {
  if (place === undefined) return 'spare';
  const { workerId } = place;
  switch (role) {
    case 'worker':
      return `worker ${workerId}`;
    case 'taskWorker':
      return `task worker ${workerId}`;
    case 'userProcess':
      return `process ${userProcess}`;
    case 'queue':
      return 'queue';
  }
}
