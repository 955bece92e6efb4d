/** Directories for rollups: `beforeEach(freshData)`, `after(removeData)`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made: string[] = [];

/** Gives servers that start from now on an empty one. */
export function freshData(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tally-'));
  made.push(directory);
  process.env['TALLY_DATA'] = directory;
  return directory;
}

export function removeData(): void {
  delete process.env['TALLY_DATA'];
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
}
