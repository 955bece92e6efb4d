import { openSync, writeSync } from 'node:fs';
import type { Fact, Self } from '../platform.js';

/**
 * Appends every fact of this process or thread to a file, as a JSON line with
 * the time in ms since the epoch, the pid and the title. All processes of a
 * server share the file: each line is one append, so that lines do not mix, and
 * it is with the system before the process goes on, so that a kill loses none.
 * A line that cannot be written is left out.
 *
 * @throws when the file cannot be opened
 */
export function appendFacts(path: string, self: Pick<Self, 'pid' | 'title'>): (fact: Fact) => void {
  const file = openSync(path, 'a', 0o600);
  return (fact) => {
    const { pid, title } = self;
    const time = performance.timeOrigin + performance.now();
    try {
      writeSync(file, `${JSON.stringify({ time, pid, process: title, ...fact })}\n`);
    } catch {
      // A full disk ends the trace, not the server.
    }
  };
}
