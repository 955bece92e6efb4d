import type { CommandExit } from './usage-error.js';

/** The command cannot do what was asked; `message` is for the operator. */
export class CommandError extends Error {
  constructor(
    readonly exitCode: (typeof CommandExit)[keyof typeof CommandExit],
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}
