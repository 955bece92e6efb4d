/** What `@OnPipeMessage` gets: a message from another process of the server. */
export class PipeMessage<Data = unknown> {
  constructor(
    /** What was sent, as `structuredClone` would copy it. */
    readonly data: Data,
    /** The worker, task worker or user process that sent it; -1 is the master or the manager. */
    readonly sourceWorkerId: number,
    /** When it was sent, in ms since the epoch. */
    readonly dispatchTime: number,
  ) {}
}
