/**
 * What processes tell of the tasks and messages that pass between them, each side
 * for itself.
 *
 *   poster        taskPosted ─ taskGiven ─────────────── taskResult … ─ taskOver
 *   task worker                   taskStarted ─ taskAnswered … ─ taskSettled
 *
 *   sender        messagePosted ───────────────── messageTaken
 *   receiver                      messageStarted
 *
 * Numbers of tasks and messages are those of the process that has posted them.
 */

export type ExchangeFact = PosterFact | TaskWorkerFact | SenderFact | ReceiverFact;

/** Facts of a process that posts tasks. */
export type PosterFact =
  /** `to` is the worker id of the only task worker that may do it, -1 where any may. */
  | {
      readonly kind: 'taskPosted';
      readonly task: number;
      readonly name: string;
      readonly to: number;
      readonly bytes: number;
    }
  | { readonly kind: 'taskGiven'; readonly task: number; readonly to: number; readonly attempt: number }
  /** The task worker gives it back and has not started it. */
  | { readonly kind: 'taskReturned'; readonly task: number; readonly from: number }
  /** Its task worker has died and may have started it: what follows is that attempt. */
  | { readonly kind: 'taskRetried'; readonly task: number; readonly attempt: number }
  /** Whoever waits for it is told a result. */
  | { readonly kind: 'taskResult'; readonly task: number; readonly data: string }
  /** Nothing more becomes of it. `code` of a failure, where its error has one. */
  | {
      readonly kind: 'taskOver';
      readonly task: number;
      readonly outcome: 'finished' | 'failed' | 'abandoned';
      readonly code?: string;
    };

/** Facts of a process that does tasks. `poster` is the pid of the process that has posted it. */
export type TaskWorkerFact =
  | {
      readonly kind: 'taskStarted';
      readonly poster: number;
      readonly task: number;
      readonly name: string;
      readonly attempt: number;
    }
  /** A result is on its way. */
  | {
      readonly kind: 'taskAnswered';
      readonly poster: number;
      readonly task: number;
      readonly failed: boolean;
      readonly data: string;
    }
  | { readonly kind: 'taskSettled'; readonly poster: number; readonly task: number };

/** Facts of a process that sends messages to others. `to` is the worker id of the receiver. */
export type SenderFact =
  | {
      readonly kind: 'messagePosted';
      readonly message: number;
      readonly to: number;
      readonly bytes: number;
      readonly wantsReply: boolean;
    }
  /** The receiver has said that its handler has started. */
  | { readonly kind: 'messageTaken'; readonly message: number; readonly to: number }
  /** Processes have died of it: it is not sent again. */
  | { readonly kind: 'messageGivenUp'; readonly message: number; readonly to: number };

/** Facts of a process that gets messages. `from` is the pid of the sender. */
export type ReceiverFact = {
  readonly kind: 'messageStarted';
  readonly message: number;
  readonly from: number;
  /** The worker id of this process. */
  readonly to: number;
};
