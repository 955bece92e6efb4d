import { codeOf, ExitCode, exitCodeOf } from '../../errors.js';
import { tellStarter } from './daemon.js';
import { tellSpawner } from './early-death.js';

/**
 * Says on standard error why this process cannot go on, and leaves with the code
 * that means it. For a daemon, the process that the user started says it; a
 * process that was started for a role tells its spawner as well.
 */
export function exitWith(error: unknown): never {
  const text = `${describe(error)}\n`;
  tellSpawner(error);
  if (!tellStarter({ failed: text })) process.stderr.write(text);
  process.exit(exitCodeOf(error));
}

/** What the operator can mend needs no stack of ours; what only we can mend does. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (exitCodeOf(error) === ExitCode.internal) return error.stack ?? error.message;
  return [`${codeOf(error)}: ${error.message}`, ...causesOf(error)].join('\n');
}

const MAX_CAUSES = 8;

/** The stacks of what caused it, down to the first cause. */
function causesOf(error: Error): string[] {
  const stacks: string[] = [];
  for (let { cause } = error; cause instanceof Error && stacks.length < MAX_CAUSES; { cause } = cause) {
    // The system's own errors have nothing in their stack that the message does not say.
    if (!('syscall' in cause)) stacks.push(`caused by ${cause.stack ?? cause.message}`);
  }
  return stacks;
}
