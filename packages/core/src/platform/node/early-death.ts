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

/** The note is what a worker that cannot boot says of itself. The system takes it at once. */
export function tellSpawner(error: unknown): void {
  if (isStarted && process.connected)
    process.send!({ shoal: { type: 'bootFailed', error: toWire(error) } }, undefined, undefined, () => {});
}

/** Node would print it and leave with 1. */
function die(error: unknown): void {
  tellSpawner(error);
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(ExitCode.bootFailed);
}

if (isStarted) {
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
}

/** The kernel listens itself from here on. */
export function endEarlyDeath(): void {
  process.off('uncaughtException', die);
  process.off('unhandledRejection', die);
}
