import { isMainThread } from 'node:worker_threads';
import { ConfigError } from '../../errors.js';
import type { Message } from '../platform.js';
import { assignmentName as variable } from './assignment-name.js';

/**
 * How a spawned process learns what it is to be: the assignment travels in its
 * environment, the title and what must be loaded first in arguments of Node's own.
 *
 * All are taken out when this module is loaded, which is before the user's
 * program runs, so that neither the program nor what it starts sees them.
 */

const option = '--title=';

/**
 * Linux keeps the title where the arguments were and cuts it to their length.
 * This many characters leave room for every later title, beside the path of the
 * program, which counts too.
 */
const titleRoom = 128;

/** Loads `early-death.ts` before the program. */
export const earlyDeathArgument = `--import=${new URL('early-death.js', import.meta.url).href}`;

const given = isMainThread ? takeAssignment() : undefined;

export function assignmentVariable(assignment: Message): Record<string, string> {
  return { [variable]: JSON.stringify(assignment) };
}

/** `node --title` sets the title from the first instruction on, and stays out of `process.argv`. */
export function titleArgument(title: string): string {
  return option + title.padEnd(titleRoom);
}

/** What the spawner asked this process to be; undefined in the process that the user started. */
export function readAssignment(): Message | undefined {
  if (given === undefined) return undefined;
  try {
    return JSON.parse(given) as Message;
  } catch (cause) {
    throw new ConfigError(
      'CONFIG_PLATFORM',
      `${variable} in the environment is not ours: remove it, the server sets it for the processes that it starts`,
      { cause },
    );
  }
}

function takeOut(isOurs: (argument: string) => boolean): void {
  const last = process.execArgv.findLastIndex(isOurs);
  if (last !== -1) process.execArgv.splice(last, 1);
}

/** Without a channel to a spawner the variable is a left-over of somebody else's environment. */
function takeAssignment(): string | undefined {
  const text = process.env[variable];
  delete process.env[variable];
  if (text === undefined || process.send === undefined) return undefined;

  takeOut((argument) => argument.startsWith(option));
  takeOut((argument) => argument === earlyDeathArgument);
  process.title = process.title.trimEnd();
  return text;
}
