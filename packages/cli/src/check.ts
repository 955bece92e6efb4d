/**
 * Asks a program what it would start. The program runs in a process of its own
 * and is told that its role is `check`; it answers with a plan when it reaches
 * `run()` or `start()`, or prints what is wrong and exits with the code of that.
 */
import { fork, type ChildProcess } from 'node:child_process';
import type { CheckAssignment } from '@shoal/core/internal/pipe/assignments';
import type { FromWorker } from '@shoal/core/internal/pipe/notes';
import type { Plan } from '@shoal/core/internal/pipe/plan';
import { assignmentVariable } from '@shoal/core/internal/platform/node/assignment';
import { CommandExit } from './usage-error.js';

/** ms that a program may take to reach its start. */
const PATIENCE = 30_000;

export type CheckResult =
  | { readonly plan: Plan }
  /** `reason` is absent where the program has said it itself. */
  | { readonly exitCode: number; readonly reason?: string };

export async function check(
  path: string,
  args: readonly string[],
  patience = PATIENCE,
): Promise<CheckResult> {
  const child = fork(path, args, {
    env: { ...process.env, ...assignmentVariable({ role: 'check' } satisfies CheckAssignment) },
    // What the program prints is not the plan, which alone goes to standard output.
    stdio: ['ignore', 2, 'inherit', 'ipc'],
    serialization: 'json',
  });
  const deadline = setTimeout(() => child.kill('SIGKILL'), patience);
  try {
    return await answerOf(child, patience);
  } finally {
    clearTimeout(deadline);
  }
}

function answerOf(child: ChildProcess, patience: number): Promise<CheckResult> {
  return new Promise((resolve) => {
    let plan: Plan | undefined;
    child.on('message', (message) => {
      const told = planIn(message);
      if (told === undefined) return;
      plan = told;
      child.disconnect();
    });
    child.on('error', (error) => resolve({ exitCode: CommandExit.noInput, reason: error.message }));
    child.on('exit', (code, signal) => {
      if (plan !== undefined) resolve({ plan });
      else resolve(failure(code, signal, patience));
    });
  });
}

function failure(code: number | null, signal: string | null, patience: number): CheckResult {
  if (code === 0) {
    return {
      exitCode: CommandExit.config,
      reason: 'the program has ended without starting a server: call run(App), or createServer(…).start()',
    };
  }
  if (code !== null) return code === CommandExit.config ? { exitCode: code } : loadFailure(code);
  if (signal === 'SIGKILL') {
    return {
      exitCode: CommandExit.config,
      reason: `the program has not come to start a server within ${patience} ms: see what its top level waits for`,
    };
  }
  return { exitCode: CommandExit.config, reason: `the program was ended by ${signal}` };
}

function loadFailure(exitCode: number): CheckResult {
  return { exitCode, reason: `the program left with exit code ${exitCode} before it started a server` };
}

/** The kernel's messages travel in an envelope; the program may send others, and the kernel why there is no plan. */
function planIn(message: unknown): Plan | undefined {
  if (typeof message !== 'object' || message === null || !('shoal' in message)) return undefined;
  const told = message.shoal as Plan | FromWorker;
  return 'type' in told ? undefined : told;
}
