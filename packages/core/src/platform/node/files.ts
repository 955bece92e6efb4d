import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import {
  lchownSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../../errors.js';
import type { Files, OpenFile } from '../platform.js';
import { openToRead } from './open-file.js';
import { sweepRuntimeDirectories, systemPlace } from './runtime-directories.js';
import { makeSpoolDirectory, readWhole, writeNew } from './spool-files.js';
import { FutureUser } from './user.js';

export class NodeFiles implements Files {
  constructor(private readonly user: FutureUser = new FutureUser()) {}

  async makeRuntimeDirectory(parent: string | undefined, name: string): Promise<string> {
    await sweepRuntimeDirectories(parent ?? (await systemPlace()));
    return this.user.act(() => {
      const path = parent === undefined ? makeInSystemPlace(name) : makeDirectory(parent, name);
      try {
        checkPrivacy(path);
      } catch (error) {
        this.removeDirectory(path);
        throw error;
      }
      return path;
    });
  }

  handOver(path: string): void {
    const { owner } = this.user;
    if (owner === undefined) return;
    const names = lstatSync(path).isDirectory() ? readdirSync(path) : [];
    for (const name of names) lchownSync(join(path, name), owner.uid, owner.gid);
    lchownSync(path, owner.uid, owner.gid);
  }

  fingerprint(url: string): string {
    try {
      const path = url.startsWith('file:') ? fileURLToPath(url) : url;
      return createHash('sha256').update(readFileSync(path)).digest('hex');
    } catch {
      return '';
    }
  }

  takeText(path: string): string | undefined {
    try {
      const text = readFileSync(path, 'utf8');
      rmSync(path, { force: true });
      return text;
    } catch {
      return undefined;
    }
  }

  removeDirectory(path: string): void {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // What cannot be removed stays; the next start makes a directory of its own.
    }
  }

  read(path: string): string | undefined {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Nobody reads half of it, and a link that somebody has put there is replaced, not followed. */
  write(path: string, text: string): void {
    const draft = draftOf(path);
    this.remove(draft);
    try {
      this.user.act(() => {
        writeFileSync(draft, text, { flag: 'wx', mode: 0o644 });
        renameSync(draft, path);
      });
    } catch (error) {
      this.remove(draft);
      throw error;
    }
  }

  probe(path: string): void {
    const draft = draftOf(path);
    this.remove(draft);
    this.user.act(() => writeFileSync(draft, '', { flag: 'wx' }));
    this.remove(draft);
  }

  remove(path: string): void {
    try {
      rmSync(path, { force: true });
    } catch {
      // It is small, and who looks at it next sees that it is stale.
    }
  }

  async makeSpoolDirectory(path: string, owner: string): Promise<void> {
    await makeSpoolDirectory(path, owner, this.user);
  }

  async writeSpool(path: string, content: string | Uint8Array): Promise<void> {
    await writeNew(path, content);
  }

  async readSpool(path: string): Promise<Buffer> {
    return readWhole(path);
  }

  async openToRead(path: string): Promise<OpenFile> {
    return openToRead(path);
  }

  async discard(path: string): Promise<void> {
    // What cannot be removed goes with its directory.
    await rm(path, { force: true }).catch(() => {});
  }

  list(path: string): readonly string[] {
    try {
      return readdirSync(path);
    } catch {
      return [];
    }
  }
}

/** Beside the file, so that renaming replaces it at once. */
function draftOf(path: string): string {
  return `${path}.new`;
}

/** What is named in the environment may be missing, or another user's. */
function makeInSystemPlace(name: string): string {
  const runtime = process.env['XDG_RUNTIME_DIR'];
  if (runtime === undefined || runtime === '') return makeDirectory(tmpdir(), name);
  try {
    return makeDirectory(runtime, name);
  } catch {
    return makeDirectory(tmpdir(), name);
  }
}

/** Nobody can have made it before us: the system chooses the end of the name. */
function makeDirectory(place: string, name: string): string {
  try {
    return mkdtempSync(join(place, `${name.replace(/[^\w.-]/g, '-')}-`));
  } catch (cause) {
    throw new ConfigError(
      'CONFIG_RUNTIME_DIRECTORY',
      `cannot make a runtime directory in ${place}: ${(cause as Error).message}. Name a directory that exists and that this user may write to`,
      { cause },
    );
  }
}

/** Some file systems know no owners or modes; there, anybody could speak to the workers. */
function checkPrivacy(path: string): void {
  const { mode, uid } = statSync(path);
  if ((mode & 0o777) === 0o700 && uid === process.geteuid?.()) return;
  throw new ConfigError(
    'CONFIG_RUNTIME_DIRECTORY',
    `${path} was made with mode ${(mode & 0o777).toString(8)} and owner ${uid}, and must be 700 and ours. Name a directory on a file system that keeps modes`,
  );
}
