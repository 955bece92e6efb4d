/**
 * Stops a server and starts it again as it was started: the same program,
 * arguments, options of Node and working directory. The new one is a daemon, as
 * this command leaves when it serves. Its environment is that of this command.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Invocation } from '@shoal/core/internal/platform/platform';
import { CommandError } from '../command-error.js';
import type { ControlClient } from '../control/control-client.js';
import { findServers, placesOf } from '../control/find-servers.js';
import { until, within } from '../control/patience.js';
import { print, tell } from '../output.js';
import { CommandExit } from '../usage-error.js';
import { stop } from './stop.js';

export async function restart(
  client: ControlClient,
  timeout: number,
  runtimeDirectory: string | undefined,
): Promise<void> {
  const { name, program } = client.greeting;
  if (program.argv.length === 0) {
    client.close();
    throw new CommandError(
      CommandExit.failed,
      `${name} was not started from a program: stop it, and start it as it was`,
    );
  }
  await stop(client, timeout);
  const places = await placesOf(runtimeDirectory);
  const others = new Set(await pidsOf(places, program));
  tell(`starting ${program.argv.join(' ')}`);
  const child = launch(program);
  const left = new Promise<never>((_, reject) => {
    child.once('error', (cause) =>
      reject(
        new CommandError(CommandExit.failed, `${name} cannot be started again: ${cause.message}`, { cause }),
      ),
    );
    child.once('close', (code, signal) => {
      // A program that becomes a daemon leaves with 0, and its daemon goes on.
      if (code === 0) return;
      const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
      reject(new CommandError(CommandExit.failed, `${name} has left ${how} before it served`));
    });
  });
  let pid = 0;
  let over = false;
  const serves = until(async () => {
    pid = (await servingPids(places, program)).find((each) => !others.has(each)) ?? 0;
    return over || pid !== 0;
  });
  try {
    await within(
      timeout,
      Promise.race([serves, left]),
      () => `${name} does not serve ${timeout} ms after its start`,
    );
  } finally {
    over = true;
    child.stdout?.destroy();
    child.stderr?.destroy();
    child.unref();
  }
  print(`${name} serves, pid ${pid}`);
}

/** What it prints until it serves is shown. */
function launch({ execPath, execArgv, argv, cwd, settings }: Invocation): ChildProcess {
  const given = settings === undefined ? {} : (JSON.parse(settings) as object);
  const child = spawn(execPath, [...execArgv, ...argv], {
    cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, SHOAL_SETTINGS: JSON.stringify({ ...given, daemonize: true }) },
  });
  child.stdout?.on('data', (chunk: Buffer) => process.stderr.write(chunk));
  child.stderr?.on('data', (chunk: Buffer) => process.stderr.write(chunk));
  return child;
}

async function pidsOf(places: readonly string[], program: Invocation): Promise<number[]> {
  const servers = await sameProgram(places, program);
  for (const server of servers) server.close();
  return servers.map(({ greeting }) => greeting.pid);
}

async function servingPids(places: readonly string[], program: Invocation): Promise<number[]> {
  const servers = await sameProgram(places, program);
  const states = await Promise.all(
    servers.map(async (server) => {
      const status = await server.ask({ what: 'status' }).catch(() => undefined);
      server.close();
      return status?.state;
    }),
  );
  return servers.filter((_, index) => states[index] === 'serving').map(({ greeting }) => greeting.pid);
}

async function sameProgram(places: readonly string[], { argv, cwd }: Invocation): Promise<ControlClient[]> {
  const { servers } = await findServers(places);
  return servers.filter((server) => {
    const { program } = server.greeting;
    const same = program.cwd === cwd && JSON.stringify(program.argv) === JSON.stringify(argv);
    if (!same) server.close();
    return same;
  });
}
