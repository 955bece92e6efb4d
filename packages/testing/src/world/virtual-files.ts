import { posix } from 'node:path';

const SYSTEM_PLACE = '/run';

/** The directories of the virtual machine, with the names of unix sockets in them. */
export class VirtualFiles {
  readonly #directories = new Set<string>();
  readonly #sockets = new Set<string>();
  readonly #versions = new Map<string, number>();
  #made = 0;

  makeDirectory(parent: string | undefined, name: string): string {
    const path = posix.join(parent ?? SYSTEM_PLACE, `${name}-${++this.#made}`);
    this.#directories.add(path);
    return path;
  }

  removeDirectory(path: string): void {
    for (const known of [...this.#directories]) if (within(path, known)) this.#directories.delete(known);
    for (const known of [...this.#sockets]) if (within(path, known)) this.#sockets.delete(known);
  }

  /** What is in a file that only the real world has; it changes when a test says so. */
  fingerprint(url: string): string {
    return `version ${this.#versions.get(url) ?? 1}`;
  }

  /** The file has another content from now on. */
  touch(url: string): void {
    this.#versions.set(url, (this.#versions.get(url) ?? 1) + 1);
  }

  hasDirectory(path: string): boolean {
    return this.#directories.has(path);
  }

  hasSocket(path: string): boolean {
    return this.#sockets.has(path);
  }

  addSocket(path: string): void {
    this.#sockets.add(path);
  }

  removeSocket(path: string): void {
    this.#sockets.delete(path);
  }

  get directories(): readonly string[] {
    return [...this.#directories];
  }
}

function within(directory: string, path: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}
