import { commandPatience } from '../pipe/command-data.js';
import { isForQueue, QUEUE_PATIENCE_MS } from '../pipe/questions.js';
import type { InnerQuestion } from '../pipe/notes.js';

/** ms that a question may stay without an answer. */
export const ASK_PATIENCE_MS = 5_000;

/** What ends when it ends has no time-out of its own: the reload and the retirement have theirs. */
export function patienceFor(question: InnerQuestion): number {
  const { what } = question;
  if (what === 'command') return commandPatience(question);
  if (isForQueue(question)) return QUEUE_PATIENCE_MS;
  return what === 'reload' || what === 'stopWorker' ? 0 : ASK_PATIENCE_MS;
}
