/**
 * The directories that servers make for their sockets, and what becomes of those
 * that a killed server has left.
 */
import { access, constants, lstat, readdir } from 'node:fs/promises';
import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** `shoal-`, and the six characters that the system chose. */
const ours = /^shoal-[A-Za-z0-9]{6}$/;

/**
 * A server may have bound its socket and not listen yet: nobody believes that
 * it is dead before its socket has been there for so many ms.
 */
const believable = 2_000;

/** Where runtime directories are made when nobody names a place. */
export async function systemPlace(): Promise<string> {
  return (await systemPlaces())[0]!;
}

/**
 * Where servers may have made theirs: one that a supervisor has started knows
 * no `XDG_RUNTIME_DIR`, while the shell of the same user has it.
 */
export async function systemPlaces(): Promise<readonly string[]> {
  const runtime = process.env['XDG_RUNTIME_DIR'];
  if (runtime === undefined || runtime === '') return [tmpdir()];
  try {
    await access(runtime, constants.W_OK | constants.X_OK);
    return [...new Set([runtime, tmpdir()])];
  } catch {
    return [tmpdir()];
  }
}

/** The runtime directories of this user's servers, or of everybody's for root. Empty where there is no such place. */
export async function runtimeDirectories(place: string): Promise<string[]> {
  const user = process.geteuid?.();
  const names = await readdir(place).catch(() => []);
  const owners = await Promise.all(
    names
      .filter((name) => ours.test(name))
      .map(async (name) => ({ name, owner: await ownerOf(join(place, name)) })),
  );
  return owners
    .filter(({ owner }) => owner !== undefined && (user === 0 || owner === user))
    .map(({ name }) => join(place, name))
    .toSorted();
}

/** Removes what this user's dead servers have left. Never throws. */
export async function sweepRuntimeDirectories(place: string): Promise<void> {
  for (const directory of await runtimeDirectories(place)) await removeIfAbandoned(directory);
}

/**
 * Removes the directory if it is ours, there are sockets in it, and nobody
 * listens on any of them. One without a socket may belong to a server that has
 * just begun. Never throws.
 */
export async function removeIfAbandoned(directory: string): Promise<boolean> {
  try {
    if ((await ownerOf(directory)) !== process.geteuid?.() || !(await isAbandoned(directory))) return false;
    rmSync(directory, { recursive: true, force: true });
    return true;
  } catch {
    // It went away meanwhile, or cannot be removed.
    return false;
  }
}

/** Whether there are sockets in it, and nobody listens on any of them. */
export async function isAbandoned(directory: string): Promise<boolean> {
  // In order of their names, `control.sock` is first: a living server is recognised by it, and its workers are not troubled.
  const names = (await readdir(directory)).toSorted();
  let sockets = 0;
  for (const name of names) {
    const path = join(directory, name);
    const found = await lstat(path);
    if (!found.isSocket()) continue;
    if (Date.now() - found.mtimeMs < believable || !(await refuses(path))) return false;
    sockets++;
  }
  return sockets > 0;
}

/** Whether the system says that nobody listens there. */
function refuses(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error) => resolve((error as NodeJS.ErrnoException).code === 'ECONNREFUSED'));
  });
}

/** undefined for what is no directory. */
async function ownerOf(path: string): Promise<number | undefined> {
  try {
    const found = await lstat(path);
    return found.isDirectory() ? found.uid : undefined;
  } catch {
    return undefined;
  }
}
