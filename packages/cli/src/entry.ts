import { statSync } from 'node:fs';
import { extname, resolve } from 'node:path';

/** The program cannot be run. */
export class EntryError extends Error {}

/** The absolute path of a program that exists. Throws `EntryError`. */
export function findEntry(entry: string): string {
  const path = resolve(entry);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new EntryError(`there is no program ${path}${remedy(path)}`);
  if (!found.isFile()) throw new EntryError(`${path} is not a file: name the module that starts the server`);
  if (/\.[cm]?tsx?$/.test(path)) {
    throw new EntryError(
      `${path} is TypeScript: compile it with tsc, which keeps what injection needs, and name the JavaScript that comes out`,
    );
  }
  return path;
}

function remedy(path: string): string {
  const isCompiled = path.includes('/dist/') && extname(path) === '.js';
  return isCompiled ? ': has it been compiled?' : '';
}
