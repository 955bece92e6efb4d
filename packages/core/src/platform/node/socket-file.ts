import { chmodSync, linkSync, lstatSync, mkdtempSync, renameSync, rmSync, type Stats } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';

/**
 * The file by which clients find a listening unix socket.
 *
 * The socket is made aside, in a directory that nobody else may enter, gets its
 * mode there, and is then linked to its place: at no moment can anybody connect
 * who may not, and of two servers that start at once one is told that the other
 * has the place. (A mask for new files would do for the mode, but it is one for
 * the whole process, and Node lets no thread change it.)
 */
export class SocketFile {
  private constructor(
    private readonly path: string,
    private readonly inode: number,
  ) {}

  /** `listen` is given the path where the socket is made. Rejects with an error that has a `code`. */
  static async make(
    path: string,
    mode: number,
    listen: (draft: string) => Promise<void>,
  ): Promise<SocketFile> {
    const stale = await staleInode(path);
    // As short as it can be, so that what is short enough stays so.
    const directory = mkdtempSync(join(dirname(path), '/'));
    try {
      const draft = join(directory, 's');
      await listen(draft);
      chmodSync(draft, mode);
      if (stale !== undefined) takeAway(path, stale, join(directory, 'o'));
      put(draft, path);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
    return SocketFile.at(path);
  }

  /** One that is there. */
  static at(path: string): SocketFile {
    return new SocketFile(path, statOf(path)?.ino ?? 0);
  }

  /** Unless another server has taken the place. Never throws: a user who may not remove it leaves it to the next start. */
  remove(): void {
    try {
      if (statOf(this.path)?.ino === this.inode) rmSync(this.path);
    } catch {
      // Nobody listens there, and whoever comes next sees that.
    }
  }
}

/** The socket there on which nobody listens; undefined where nothing is. */
async function staleInode(path: string): Promise<number | undefined> {
  const stats = statOf(path);
  if (stats === undefined) return undefined;
  if (!stats.isSocket()) throw withCode('EEXIST', `${path} is there and is no socket`);
  if (await isServed(path)) throw inUse(path);
  return stats.ino;
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // Its queue of clients is full.
      if (error.code === 'EAGAIN') resolve(true);
      else if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else reject(error);
    });
  });
}

/** Somebody may have come between: what was taken is looked at again. */
function takeAway(path: string, stale: number, to: string): void {
  try {
    renameSync(path, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (statOf(to)?.ino === stale) return;
  put(to, path);
  throw inUse(path);
}

/** Unlike a rename, a link replaces nothing; some file systems have none. */
function put(from: string, path: string): void {
  try {
    linkSync(from, path);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw inUse(path);
    if (!['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'].includes(code)) throw error;
    renameSync(from, path);
  }
}

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function inUse(path: string): Error {
  return withCode('EADDRINUSE', `address already in use ${path}: another server listens there`);
}

function withCode(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
