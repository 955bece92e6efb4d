import type { Parcel, Way } from '../mesh/way.js';
import { FrameKind, MeshFlag, type Settlement } from '../pipe/messages.js';
import type { Encoded } from '../pipe/payload.js';
import { inFile, type Spooled } from './spool.js';

/** What a task counts beside its bytes. */
const OVERHEAD_BYTES = 128;

/** A bit of the attempt: nobody but the poster itself wants the results. */
export const POSTER_ONLY = 0x8000;
export const MAX_ATTEMPT = 0x7fff;

/** A task, for those who hear of it. */
export interface PostedTask {
  readonly id: number;
  readonly name: string;
  readonly dispatchTime: number;
  /** The process that has it, or had it last. */
  readonly way: { readonly peer: { readonly workerId: number } } | undefined;
}

/** Who hears of a task, in the process that has posted it. */
export interface Caller {
  /** One more result. */
  result(call: PostedTask, value: unknown): void;
  /** There will be no result; once, and nothing comes after it. */
  failed(call: PostedTask, error: Error & { code?: string }): void;
  /** The handler has settled; the last one, after a result or without. */
  over(call: PostedTask): void;
  /** Whether a process that takes the poster's place is to have the results if the poster is gone. */
  readonly bequeaths: boolean;
}

export interface TaskCallEvents {
  settled(call: TaskCall, how: Settlement): void;
}

/** A task that this process has posted, until it has settled. */
export class TaskCall implements Parcel {
  attempt = 1;
  sentAt = 0;
  /** The process that has it, or had it last. */
  way: Way | undefined;
  state: 'spooling' | 'waiting' | 'sent' | 'over' = 'waiting';
  /** Results that are being read from files, in their order; what comes meanwhile waits for them. */
  reading: Promise<void> | undefined;
  /** The file in which its payload travels, if that is large. */
  file: Spooled | undefined;

  constructor(
    private readonly events: TaskCallEvents,
    readonly id: number,
    readonly name: string,
    private content: Encoded,
    readonly dispatchTime: number,
    /** The worker id of the only one that may do it; undefined where any may. */
    readonly target: number | undefined,
    readonly caller: Caller,
  ) {}

  /** From now on its payload lies in that file, and not in memory. */
  moveTo(file: Spooled): void {
    this.file = file;
    this.content = inFile(file);
  }

  /** A task worker has died that may have started it, and it may be the cause: it goes alone from now on. */
  get suspect(): boolean {
    return this.attempt > 1;
  }

  get cost(): number {
    return this.content.bytes + OVERHEAD_BYTES;
  }

  travel(way: Way): void {
    this.way = way;
    this.state = 'sent';
    const { encoding, body, bytes } = this.content;
    const nameBytes = this.name === '' ? 0 : Buffer.byteLength(this.name);
    const parts = nameBytes === 0 ? [body] : [this.name, body];
    const flags = encoding | (this.file === undefined ? 0 : MeshFlag.spooled);
    const aux = Math.min(this.attempt, MAX_ATTEMPT) | (this.caller.bequeaths ? 0 : POSTER_ONLY);
    way.send(
      FrameKind.task,
      flags,
      aux,
      this.dispatchTime,
      this.id,
      nameBytes,
      parts,
      bytes + nameBytes,
      this,
    );
  }

  settled(how: Settlement): void {
    this.events.settled(this, how);
  }
}
