import { readdirSync, rmSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** Removes the files, and the directories below `top` that they leave empty. */
export function removeFiles(files, top) {
  for (const file of files) {
    rmSync(file);
    let directory = dirname(file);
    while (directory !== top && readdirSync(directory).length === 0) {
      rmdirSync(directory);
      directory = dirname(directory);
    }
  }
}
