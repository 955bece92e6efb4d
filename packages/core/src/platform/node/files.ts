import { readFileSync, rmSync } from 'node:fs';
import { access, constants, mkdtemp, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../../errors.js';
import type { Files } from '../platform.js';

export class NodeFiles implements Files {
  async makeRuntimeDirectory(parent: string | undefined, name: string): Promise<string> {
    const place = parent ?? (await systemPlace());
    const path = await makeDirectory(place, name);
    try {
      await checkPrivacy(path);
    } catch (error) {
      this.removeDirectory(path);
      throw error;
    }
    return path;
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
}

async function systemPlace(): Promise<string> {
  const runtime = process.env['XDG_RUNTIME_DIR'];
  if (runtime === undefined || runtime === '') return tmpdir();
  try {
    await access(runtime, constants.W_OK | constants.X_OK);
    return runtime;
  } catch {
    return tmpdir();
  }
}

/** Nobody can have made it before us: the system chooses the end of the name. */
async function makeDirectory(place: string, name: string): Promise<string> {
  try {
    return await mkdtemp(join(place, `${name.replace(/[^\w.-]/g, '-')}-`));
  } catch (cause) {
    throw new ConfigError(
      'CONFIG_RUNTIME_DIRECTORY',
      `cannot make a runtime directory in ${place}: ${(cause as Error).message}. Name a directory that exists and that this user may write to`,
      { cause },
    );
  }
}

/** Some file systems know no owners or modes; there, anybody could speak to the workers. */
async function checkPrivacy(path: string): Promise<void> {
  const { mode, uid } = await stat(path);
  if ((mode & 0o777) === 0o700 && uid === process.geteuid?.()) return;
  throw new ConfigError(
    'CONFIG_RUNTIME_DIRECTORY',
    `${path} was made with mode ${(mode & 0o777).toString(8)} and owner ${uid}, and must be 700 and ours. Name a directory on a file system that keeps modes`,
  );
}
