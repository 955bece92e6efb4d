import { CommandError } from '../command-error.js';
import { CommandExit } from '../usage-error.js';

/** What was awaited, or after so many ms a `CommandError` that says what was not done. */
export async function within<Value>(ms: number, work: Promise<Value>, late: () => string): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new CommandError(CommandExit.timedOut, late())), ms);
  });
  try {
    return await Promise.race([work, end]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks every 50 ms until it holds. */
export async function until(fact: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await fact())) await new Promise((resolve) => setTimeout(resolve, 50));
}
