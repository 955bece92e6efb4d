/** The command line cannot be understood; the message says what to write instead. */
export class UsageError extends Error {}

/** Exit codes of the command's own; everything else is the server's. */
export const CommandExit = {
  ok: 0,
  /** The program was not found, as `sysexits.h` has it. */
  noInput: 66,
  /** The command line is wrong. */
  usage: 64,
  /** The program starts no server, or its configuration is not valid. */
  config: 78,
} as const;
