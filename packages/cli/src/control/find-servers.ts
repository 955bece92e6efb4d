/** Finds the servers of this user by the runtime directories that they have made. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { controlSocketName } from '@shoal/core/internal/control/protocol';
import { identify } from '@shoal/core/internal/platform/node/process-identity';
import {
  removeIfAbandoned,
  runtimeDirectories,
  systemPlaces,
} from '@shoal/core/internal/platform/node/runtime-directories';
import { CommandError } from '../command-error.js';
import { CommandExit, UsageError } from '../usage-error.js';
import { ControlClient } from './control-client.js';

/** Which server the operator means. */
export interface Target {
  /** A name or a pid; the only one that runs if absent. */
  readonly server?: string;
  readonly pidFile?: string;
  /** Where runtime directories are; the system's places if absent. */
  readonly runtimeDirectory?: string;
}

interface Found {
  readonly servers: readonly ControlClient[];
  /** What is wrong with those that could not be asked, a sentence for each. */
  readonly silent: readonly string[];
}

/** Connects to the one server that is meant. Rejects with `CommandError` or `UsageError`. */
export async function findServer(target: Target): Promise<ControlClient> {
  const places = await placesOf(target.runtimeDirectory);
  const wanted = target.pidFile === undefined ? target.server : String(readPid(target.pidFile));
  const found = await findServers(places);
  const chosen = found.servers.filter(({ greeting }) => {
    return wanted === undefined || greeting.name === wanted || String(greeting.pid) === wanted;
  });
  for (const other of found.servers) if (chosen.length !== 1 || other !== chosen[0]) other.close();
  if (chosen.length === 1) return chosen[0]!;
  if (chosen.length > 1)
    throw new UsageError(`several servers run here; name one by its pid:\n${listed(chosen)}`);
  throw new CommandError(CommandExit.notRunning, missing(places.join(' or '), target, wanted, found));
}

export async function placesOf(runtimeDirectory: string | undefined): Promise<readonly string[]> {
  return runtimeDirectory === undefined ? systemPlaces() : [resolve(runtimeDirectory)];
}

/** All servers that answer; those that were killed are tidied away. */
export async function findServers(places: readonly string[]): Promise<Found> {
  const servers: ControlClient[] = [];
  const silent: string[] = [];
  const directories = (await Promise.all(places.map(runtimeDirectories))).flat();
  await Promise.all(
    directories.map(async (directory) => {
      try {
        servers.push(await ControlClient.connect(join(directory, controlSocketName)));
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        if (code === 'ECONNREFUSED') await removeIfAbandoned(directory);
        // One that has just begun has no socket yet; it cannot be asked anything.
        else if (code !== 'ENOENT') silent.push(message);
      }
    }),
  );
  return { servers: servers.toSorted((a, b) => a.greeting.pid - b.greeting.pid), silent };
}

function readPid(path: string): number {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? `there is no pid file ${path}` : message;
    throw new CommandError(CommandExit.notRunning, `no server runs: ${reason}`, { cause });
  }
  if (!/^\s*[1-9]\d{0,9}\s*$/.test(text)) {
    throw new CommandError(CommandExit.notRunning, `no server runs: there is no pid in ${path}`);
  }
  return Number(text);
}

function missing(place: string, { pidFile }: Target, wanted: string | undefined, found: Found): string {
  const silent = found.silent.length === 0 ? '' : `; ${found.silent.join('; ')}`;
  if (pidFile !== undefined) {
    const state =
      identify(Number(wanted)) === undefined
        ? `${pidFile} is stale, there is no process ${wanted}`
        : `${pidFile} names process ${wanted}, which is no server below ${place}`;
    return `no server runs: ${state}${silent}`;
  }
  if (wanted === undefined) return `no server runs below ${place}${silent}`;
  const others = found.servers.length === 0 ? '' : `; those that run:\n${listed(found.servers)}`;
  return `no server ${wanted} runs below ${place}${silent}${others}`;
}

function listed(servers: readonly ControlClient[]): string {
  return servers
    .map(
      ({ greeting: { name, pid, program } }) => `  ${String(pid).padEnd(9)}${name}  ${program.argv[0] ?? ''}`,
    )
    .join('\n');
}
