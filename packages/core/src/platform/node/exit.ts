import { codeOf, ExitCode, exitCodeOf } from '../../errors.js';

/** Says on standard error why this process cannot go on, and leaves with the code that means it. */
export function exitWith(error: unknown): never {
  process.stderr.write(`${describe(error)}\n`);
  process.exit(exitCodeOf(error));
}

/** What the operator can mend needs no stack of ours; what only we can mend does. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (exitCodeOf(error) === ExitCode.internal) return error.stack ?? error.message;
  const cause = error.cause instanceof Error ? `\n${error.cause.stack ?? error.cause.message}` : '';
  return `${codeOf(error)}: ${error.message}${cause}`;
}
