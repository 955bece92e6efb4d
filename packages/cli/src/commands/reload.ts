import { codeOf } from '@shoal/core/internal/errors';
import type { ReloadReport } from '@shoal/core/internal/pipe/questions';
import { CommandError } from '../command-error.js';
import { ConnectionLost, type ControlClient } from '../control/control-client.js';
import { within } from '../control/patience.js';
import { complain, print } from '../output.js';
import { progressText, reportLines } from '../text/reload-text.js';
import { CommandExit } from '../usage-error.js';

export interface ReloadOptions {
  readonly only?: 'taskWorker';
  /** To the end, or until the new code is accepted. */
  readonly wait: boolean;
  readonly timeout: number;
}

const exitOf: Readonly<Record<ReloadReport['outcome'], number>> = {
  accepted: CommandExit.ok,
  done: CommandExit.ok,
  rolledBack: CommandExit.rolledBack,
  halted: CommandExit.halted,
  stopping: CommandExit.failed,
};

/** Prints each step as it happens; resolves with the exit code that the outcome means. */
export async function reload(client: ControlClient, { only, wait, timeout }: ReloadOptions): Promise<number> {
  const end = wait ? 'done' : 'accepted';
  const asked = client.ask({ what: 'reload', until: end, ...(only !== undefined && { only }) }, (progress) =>
    print(progressText(progress)),
  );
  let report: ReloadReport;
  try {
    report = await within(timeout, asked, () => {
      return `the reload has not ended within ${timeout} ms; it goes on, and shoal status tells how`;
    });
  } catch (error) {
    throw explained(error);
  }
  const [outcome = '', ...details] = reportLines(report);
  if (exitOf[report.outcome] === CommandExit.ok) print(outcome);
  else complain(outcome);
  for (const line of details) process.stderr.write(`${line}\n`);
  const exit = exitOf[report.outcome] ?? CommandExit.failed;
  return exit === CommandExit.ok && report.certificateProblems !== undefined ? CommandExit.failed : exit;
}

function explained(error: unknown): unknown {
  if (error instanceof CommandError) return error;
  const { message } = error as Error;
  if (error instanceof ConnectionLost) {
    return new CommandError(CommandExit.failed, `how the reload ended is not known: ${message}`, {
      cause: error,
    });
  }
  const exit = codeOf(error) === 'RELOAD_RUNNING' ? CommandExit.busy : CommandExit.failed;
  return new CommandError(exit, `the server does not reload: ${message}`, { cause: error });
}
