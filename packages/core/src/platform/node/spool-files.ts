/**
 * Files in which large payloads of tasks travel, and the directories for them
 * that servers make in a place of the operator's choice.
 *
 * Such a directory is called as the runtime directory of its server, with
 * `.spool` behind it, and holds a file that says on which host that is and where
 * it lies: so whoever comes later can tell whether the server lives, by the
 * sockets in there.
 */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { lstat, open, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { ConfigError } from '../../errors.js';
import { isAbandoned } from './runtime-directories.js';
import type { FutureUser } from './user.js';

const ours = /^shoal-[A-Za-z0-9]{6}\.spool$/;
const OWNER = 'owner';
/** A directory that does not say whose it is for so many ms belongs to a server that was killed as it made it. */
const NAMELESS_MS = 60_000;

/** @throws {ConfigError} CONFIG_TASK_TMPDIR */
export async function makeSpoolDirectory(path: string, owner: string, user: FutureUser): Promise<void> {
  const place = dirname(path);
  await sweepSpoolDirectories(place);
  try {
    user.act(() => {
      mkdirSync(path, { mode: 0o700 });
      writeFileSync(join(path, OWNER), `${hostname()}\n${owner}\n`, { flag: 'wx', mode: 0o600 });
    });
  } catch (cause) {
    throw refused(place, (cause as Error).message, cause);
  }
  const mode = statSync(path).mode & 0o777;
  if (mode === 0o700) return;
  rmSync(path, { recursive: true, force: true });
  throw refused(place, `a directory there has mode ${mode.toString(8)} and must have 700`);
}

function refused(place: string, reason: string, cause?: unknown): ConfigError {
  return new ConfigError(
    'CONFIG_TASK_TMPDIR',
    `cannot make files for large tasks in ${place}: ${reason}. Name a directory that exists and that the user of the server may write to`,
    { cause },
  );
}

/** Removes what this user's dead servers have left. Never rejects. */
export async function sweepSpoolDirectories(place: string): Promise<void> {
  const names = await readdir(place).catch(() => []);
  for (const name of names) if (ours.test(name)) await removeIfAbandoned(join(place, name));
}

async function removeIfAbandoned(directory: string): Promise<void> {
  try {
    const found = await lstat(directory);
    if (!found.isDirectory() || found.uid !== process.geteuid?.()) return;
    if (await isWithoutOwner(directory, found.mtimeMs)) await rm(directory, { recursive: true, force: true });
  } catch {
    // It went away meanwhile, or cannot be removed.
  }
}

async function isWithoutOwner(directory: string, since: number): Promise<boolean> {
  let text: string;
  try {
    text = readFileSync(join(directory, OWNER), 'utf8');
  } catch {
    return Date.now() - since > NAMELESS_MS;
  }
  const [host, owner] = text.split('\n');
  // Of the processes of another host, or of another container, nothing can be seen from here.
  if (host !== hostname() || owner === undefined || owner === '') return false;
  try {
    await lstat(owner);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
  return isAbandoned(owner);
}

export async function writeNew(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await file.write(bytes, at, bytes.length - at);
      at += bytesWritten;
    }
    await file.close();
  } catch (error) {
    await file.close().catch(() => {});
    await rm(path, { force: true }).catch(() => {});
    throw error;
  }
}

/** In one piece, where the system gives it: by far the fastest. */
export async function readWhole(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const content = Buffer.allocUnsafeSlow(size);
    let at = 0;
    while (at < size) {
      const { bytesRead } = await file.read(content, at, size - at);
      if (bytesRead === 0) throw new Error(`${path} ends after ${at} bytes instead of ${size}`);
      at += bytesRead;
    }
    return content;
  } finally {
    await file.close();
  }
}
