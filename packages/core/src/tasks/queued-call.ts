import type { Parcel, Way } from '../mesh/way.js';
import { FrameKind, MeshFlag, type Settlement } from '../pipe/messages.js';
import type { Encoded } from '../pipe/payload.js';
import { packHead, type PostHead } from '../pipe/queued-tasks.js';
import type { Accepted } from './queue/task-queue.js';
import type { Caller, PostedTask } from './task-call.js';

/** What a task counts beside its bytes. */
const OVERHEAD_BYTES = 256;
const nothing: Encoded = { encoding: 0, body: '', bytes: 0 };

/** What becomes of a task on its way to the queue. */
export interface Acceptance {
  /** Once; `accepted` says which it is, where its poster wants to know. */
  accepted(accepted: Accepted | undefined): void;
  refused(error: Error & { code?: string }): void;
}

export interface QueuedCallEvents {
  settled(call: QueuedCall, how: Settlement): void;
}

/** A task that this process has posted to the queue: kept until it is accepted, and then while somebody waits for it. */
export class QueuedCall implements Parcel, PostedTask {
  state: 'waiting' | 'sent' | 'accepted' | 'over' = 'waiting';
  /** The task worker that had it. */
  way: PostedTask['way'];
  /** It may have been accepted by a queue process that is gone. */
  again = false;

  constructor(
    private readonly events: QueuedCallEvents,
    readonly id: number,
    readonly name: string,
    readonly dispatchTime: number,
    private readonly head: PostHead,
    private content: Encoded,
    /** Who hears of its end; undefined where nobody in particular does. */
    readonly caller: Caller | undefined,
    readonly acceptance: Acceptance,
    /** Whether its poster wants to know which it is. */
    private readonly tells: boolean,
    /** Whether it waits while the queue is full. */
    readonly patient: boolean,
  ) {}

  get cost(): number {
    return this.content.bytes + OVERHEAD_BYTES;
  }

  travel(way: Way): void {
    this.state = 'sent';
    const head = packHead(this.head);
    const { body, bytes } = this.content;
    const flags = (this.again ? MeshFlag.again : 0) | (this.tells ? MeshFlag.tells : 0);
    way.send(FrameKind.enqueue, flags, 0, 0, 0, head.length, [head, body], head.length + bytes, this);
  }

  /** The payload is in the queue, or of no use any more. */
  forget(): void {
    this.content = nothing;
  }

  settled(how: Settlement): void {
    this.events.settled(this, how);
  }
}
