import { WorkerHandle } from '@shoal/core/internal/manager/worker-handle';
import type { Place, WorkerAssignment } from '@shoal/core/internal/pipe/assignments';
import type { ToWorker } from '@shoal/core/internal/pipe/notes';
import type { Child, Clock } from '@shoal/core/internal/platform/platform';
import { settingsOf } from '../settings.js';

/** Workers as a manager holds them, without processes: what they were told is here to read. */
export class StartedWorkers {
  readonly handles: WorkerHandle[] = [];
  readonly #told = new Map<WorkerHandle, ToWorker[]>();
  readonly #settings = settingsOf();

  constructor(private readonly clock: Clock) {}

  /** Without a place, a spare. */
  start(place?: Place): WorkerHandle {
    const pid = 100 + this.handles.length;
    const told: ToWorker[] = [];
    const child: Child = {
      pid,
      send: (note) => void told.push(note as ToWorker),
      onMessage: () => {},
      onDisconnect: () => {},
      onExit: () => {},
      kill: () => {},
    };
    const assignment: WorkerAssignment = {
      role: 'worker',
      ...(place !== undefined && { place }),
      version: 0,
      original: { fixed: {}, written: undefined },
      settings: this.#settings,
      masterPid: 1,
      managerPid: 2,
      pipePaths: [],
      runtimeDirectory: '/',
      userProcesses: [],
    };
    const handle = new WorkerHandle(assignment, child, { pid, startedAt: '' }, 1, this.clock.now());
    this.#told.set(handle, told);
    this.handles.push(handle);
    return handle;
  }

  told(handle: WorkerHandle): readonly ToWorker['type'][] {
    return this.notes(handle).map(({ type }) => type);
  }

  notes(handle: WorkerHandle): readonly ToWorker[] {
    return this.#told.get(handle)!;
  }
}
