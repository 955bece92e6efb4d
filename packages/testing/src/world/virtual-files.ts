import { posix } from 'node:path';
import { DiskFile } from './disk-file.js';
import { systemError } from './medium.js';

const SYSTEM_PLACE = '/run';

/** A file without its name: who has it open keeps it through a rename. */
export interface VirtualFile {
  text: string;
}

/** A file that a test has put there, while somebody reads it. */
export interface PutFile {
  readonly size: number;
  read(position: number, bytes: number): Buffer;
  close(): void;
}

/** The directories of the virtual machine, with the files and the names of unix sockets in them. */
export class VirtualFiles {
  readonly #directories = new Set<string>();
  readonly #sockets = new Set<string>();
  readonly #versions = new Map<string, number>();
  readonly #files = new Map<string, VirtualFile>();
  readonly #spooled = new Map<string, Buffer>();
  readonly #forbidden = new Set<string>();
  /** Files with bytes that a test has put there. */
  readonly #contents = new Map<string, Buffer>();
  #made = 0;

  makeDirectory(parent: string | undefined, name: string): string {
    const path = posix.join(parent ?? SYSTEM_PLACE, `${name}-${++this.#made}`);
    this.#directories.add(path);
    return path;
  }

  removeDirectory(path: string): void {
    for (const known of [...this.#directories]) if (within(path, known)) this.#directories.delete(known);
    for (const known of [...this.#sockets]) if (within(path, known)) this.#sockets.delete(known);
    for (const known of [...this.#spooled.keys()]) if (within(path, known)) this.#spooled.delete(known);
  }

  /** Throws as the system would for a place that is forbidden. */
  makeNamedDirectory(path: string): void {
    this.#check(path);
    this.#directories.add(path);
  }

  /** An empty file that was not there. */
  createSpool(path: string): void {
    this.#check(path);
    if (!this.#directories.has(posix.dirname(path))) throw systemError('ENOENT', `open ${path}`);
    if (this.#spooled.has(path)) throw systemError('EEXIST', `open ${path}`);
    this.#spooled.set(path, Buffer.alloc(0));
  }

  /** Its content; it may have been removed meanwhile. */
  fillSpool(path: string, content: Buffer): void {
    if (this.#spooled.has(path)) this.#spooled.set(path, content);
  }

  readSpool(path: string): Buffer {
    const content = this.#spooled.get(path);
    if (content === undefined) throw systemError('ENOENT', `open ${path}`);
    return Buffer.from(content);
  }

  /** A file with these bytes is there from now on; whoever has it open reads what is there when he reads. */
  put(path: string, content: Buffer): void {
    this.#contents.set(path, content);
  }

  /** What a test has put there, or else the file of the real disk. Throws the system's error. */
  openToRead(path: string): DiskFile | PutFile {
    this.#check(path);
    const content = this.#contents.get(path);
    if (content === undefined) return new DiskFile(path);
    return {
      size: content.length,
      read: (position, bytes) => this.#contents.get(path)!.subarray(position, position + bytes),
      close: () => {},
    };
  }

  removeSpool(path: string): void {
    this.#spooled.delete(path);
  }

  /** Names of the spooled files in a directory. */
  list(directory: string): string[] {
    return this.spooled
      .filter((path) => posix.dirname(path) === directory)
      .map((path) => posix.basename(path));
  }

  /** Paths of all spooled files. */
  get spooled(): readonly string[] {
    return [...this.#spooled.keys()];
  }

  /** What is in a file that only the real world has; it changes when a test says so. */
  fingerprint(url: string): string {
    return `version ${this.#versions.get(url) ?? 1}`;
  }

  /** The file has another content from now on. */
  touch(url: string): void {
    this.#versions.set(url, (this.#versions.get(url) ?? 1) + 1);
  }

  /** The file of that name, made if it is not there. Throws as the system would for a place that is forbidden. */
  open(path: string): VirtualFile {
    this.#check(path);
    const file = this.#files.get(path) ?? { text: '' };
    this.#files.set(path, file);
    return file;
  }

  read(path: string): string | undefined {
    return this.#files.get(path)?.text;
  }

  write(path: string, text: string): void {
    this.#check(path);
    this.#files.set(path, { text });
  }

  /** Throws where `write` would. */
  probe(path: string): void {
    this.#check(path);
  }

  remove(path: string): void {
    this.#files.delete(path);
  }

  rename(from: string, to: string): void {
    const file = this.#files.get(from);
    if (file === undefined) throw systemError('ENOENT', `rename ${from}`);
    this.#files.delete(from);
    this.#files.set(to, file);
  }

  /** From now on nothing can be made or opened there, or below. */
  forbid(path: string): void {
    this.#forbidden.add(path);
  }

  #check(path: string): void {
    for (const place of this.#forbidden) if (within(place, path)) throw systemError('EACCES', `open ${path}`);
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
