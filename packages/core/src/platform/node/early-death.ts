/**
 * Is loaded in every process that was started for a role, before the user's
 * program, and tells the spawner why a program cannot be loaded: a build that
 * throws at import never reaches the kernel, and would take its reason with it.
 *
 * In any other process it does nothing.
 */
import { isMainThread } from 'node:worker_threads';
import { ExitCode, toWire } from '../../errors.js';
import { assignmentName } from './assignment-name.js';

const isStarted = isMainThread && process.env[assignmentName] !== undefined && process.send !== undefined;

/** Node would print it and leave with 1. The note is what a worker that cannot boot says of itself. */
function tell(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  const leave = (): never => process.exit(ExitCode.bootFailed);
  if (!process.connected) leave();
  process.send?.({ shoal: { type: 'bootFailed', error: toWire(error) } }, undefined, undefined, leave);
}

if (isStarted) {
  process.on('uncaughtException', tell);
  process.on('unhandledRejection', tell);
}

/** The kernel listens itself from here on. */
export function endEarlyDeath(): void {
  process.off('uncaughtException', tell);
  process.off('unhandledRejection', tell);
}
