import type { EventName } from '../definition.js';

/** A handler with its `this`, ready to be called. */
export interface BoundHandler {
  /** `run` is the body of a user process. */
  readonly event: EventName | 'tick' | 'run';
  /** `Chat.line`: what logs call it. */
  readonly label: string;
  readonly run: (a?: unknown, b?: unknown, c?: unknown) => unknown;
  /** Declared parameters; a third one of `receive` and a second one of `packet` ask for the delivery. */
  readonly parameters: number;
  /** ms after which a call that is pending is given up; 0 is never. */
  readonly timeout?: number;
}
