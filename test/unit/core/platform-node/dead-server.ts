import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

/** A runtime directory as a server leaves it that was killed: with the name of a socket on which nobody listens. */
export async function deadServer(place: string, age: 'old' | 'young' = 'old'): Promise<string> {
  const directory = mkdtempSync(join(place, 'shoal-'));
  const path = join(directory, 'control.sock');
  const listen = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('listening'))`;
  const child = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  if (age === 'old') utimesSync(path, new Date(0), new Date(0));
  return directory;
}
