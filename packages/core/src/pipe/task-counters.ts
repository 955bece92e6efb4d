/** What one process has counted of tasks and messages. */
export interface TaskCounters {
  /** Tasks that it has posted. */
  posted: number;
  /** Of these, those whose handler has settled without an error. */
  finished: number;
  failed: number;
  /** Given to another task worker because one had died that may have started it. */
  retried: number;
  /** Posted, and not settled yet. */
  outstanding: number;
  /** Results for which nobody waited any more. */
  lateResults: number;
  /** Died with their poster: of one that was killed, what it had last told to be outstanding. */
  lostWithPoster: number;
  /** Tasks that this process has done. */
  done: number;
  /** Replies to `ask` for which nobody waited any more. */
  lateReplies: number;
  /** Messages that were given up because two processes in a row had died of them. */
  poisonMessages: number;
}

export const noTasks: Readonly<TaskCounters> = {
  posted: 0,
  finished: 0,
  failed: 0,
  retried: 0,
  outstanding: 0,
  lateResults: 0,
  lostWithPoster: 0,
  done: 0,
  lateReplies: 0,
  poisonMessages: 0,
};
