import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The root of this repository, from wherever the compiled test lies. */
export const repository = findRepository(dirname(fileURLToPath(import.meta.url)));

/** Loads one of the scripts, which are plain JavaScript; the caller says what it exports. */
export async function loadScript<Exports>(path: string): Promise<Exports> {
  return (await import(pathToFileURL(join(repository, 'scripts', path)).href)) as Exports;
}

/** A directory with these files, which is gone after the test. */
export class TemporaryTree {
  readonly root = mkdtempSync(join(tmpdir(), 'shoal-tree-'));

  constructor(files: Readonly<Record<string, string>> = {}) {
    this.write(files);
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(this.path(path)), { recursive: true });
      writeFileSync(this.path(path), text);
    }
  }

  path(path: string): string {
    return join(this.root, path);
  }

  has(path: string): boolean {
    return existsSync(this.path(path));
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

function findRepository(directory: string): string {
  if (existsSync(join(directory, 'tsconfig.base.json'))) return directory;
  const parent = dirname(directory);
  if (parent === directory)
    throw new Error('These tests run inside the repository, and no tsconfig.base.json is above them.');
  return findRepository(parent);
}
