import type { Way } from '@shoal/core/internal/mesh/way';
import type { TaskCall } from '@shoal/core/internal/tasks/task-call';

/** A way to a task worker that a test plays. */
export class FakeWay {
  /** What it has and has not settled, in order. */
  readonly sent: TaskCall[] = [];
  open = true;
  blameless = false;
  readonly peer;

  constructor(workerId: number) {
    this.peer = { role: 'taskWorker', workerId, incarnation: workerId, current: true } as const;
  }

  get attached(): boolean {
    return this.open;
  }

  send(...args: unknown[]): void {
    this.sent.push(args.at(-1) as TaskCall);
  }

  get asWay(): Way {
    return this as unknown as Way;
  }
}

/** A mesh in which the task workers are those ways. */
export class FakeMesh {
  readonly ways = new Map<number, FakeWay>();

  constructor(...workerIds: number[]) {
    for (const workerId of workerIds) this.ways.set(workerId, new FakeWay(workerId));
  }

  wayTo(workerId: number): Way | undefined {
    return this.ways.get(workerId)?.asWay;
  }

  way(workerId: number): FakeWay {
    return this.ways.get(workerId)!;
  }
}
