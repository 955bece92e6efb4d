/** The command line cannot be understood; the message says what to write instead. */
export class UsageError extends Error {}

/** Exit codes of the command's own; everything else is the server's. `docs/errors.md` has an entry for each. */
export const CommandExit = {
  ok: 0,
  /** Refused, or failed in a way that has no code of its own. */
  failed: 1,
  /** The command line is wrong. */
  usage: 64,
  /** The program was not found, as `sysexits.h` has it. */
  noInput: 66,
  /** The program starts no server, or its configuration is not valid. */
  config: 78,
  /** A reload was given up before any worker was replaced. */
  rolledBack: 80,
  /** A reload was given up when some workers had been replaced. */
  halted: 81,
  /** The command has stopped waiting; the server goes on with what it does. */
  timedOut: 82,
  /** No such server runs. */
  notRunning: 83,
  /** A reload was running already, or the server was not ready for one. */
  busy: 84,
} as const;
