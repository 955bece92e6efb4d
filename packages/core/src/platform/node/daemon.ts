import { fork, type ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { isMainThread } from 'node:worker_threads';
import { openLogFile } from './log-file.js';
import { programPath } from './program-path.js';

/**
 * How a program becomes a daemon: it is run again, as the leader of a session of
 * its own. The two share a channel until the daemon serves or fails; what it
 * says there is printed by the process that the user started, which then leaves.
 */

const variable = 'SHOAL_DAEMON';

/** From the daemon to the process that has started it. */
export type DaemonNews = { readonly started: true } | { readonly failed: string };

const isDaemon = isMainThread && takeVariable();

/** Never resolves in the process that the user started. */
export async function daemonize(
  output: string | undefined,
  asOwner: (open: () => number) => number,
): Promise<void> {
  if (isDaemon) return;
  const file = output === undefined ? undefined : asOwner(() => openLogFile(output));
  const child = fork(programPath(), process.argv.slice(2), {
    detached: true,
    env: { ...process.env, [variable]: '1' },
    stdio: ['ignore', file ?? 'ignore', file ?? 'ignore', 'ipc'],
  });
  if (file !== undefined) closeSync(file);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => child.kill('SIGTERM'));
  await leaveWith(child, output);
}

/** Says whether anybody was there to hear it; nobody is told twice. */
export function tellStarter(news: DaemonNews): boolean {
  if (!isDaemon || !process.connected) return false;
  process.send?.(news);
  process.disconnect?.();
  return true;
}

function leaveWith(child: ChildProcess, output: string | undefined): Promise<never> {
  return new Promise((_, reject) => {
    let failure: string | undefined;
    child.on('error', reject);
    child.on('message', (news: DaemonNews) => {
      if ('failed' in news) {
        failure = news.failed;
        return;
      }
      process.stdout.write(`${child.pid}\n`);
      process.exit(0);
    });
    child.once('exit', (code, signal) => {
      const end = signal === null ? `exit code ${code}` : signal;
      const place = output === undefined ? '; set logFile to learn why' : `; ${output} may say why`;
      if (failure !== undefined || code !== 0) {
        process.stderr.write(failure ?? `the server left with ${end} before it was ready${place}\n`);
      }
      process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
    });
  });
}

/** Without a channel the variable is a left-over of somebody else's environment. */
function takeVariable(): boolean {
  const value = process.env[variable];
  delete process.env[variable];
  return value !== undefined && process.send !== undefined;
}
