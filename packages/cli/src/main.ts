#!/usr/bin/env node
/** The `shoal` command. Reads the command line, does what it says, and leaves with a code that means it. */
import { createRequire } from 'node:module';
import { codeOf } from '@shoal/core/internal/errors';
import { check } from './check.js';
import { CommandError } from './command-error.js';
import { readCommandLine, type Command } from './command-line.js';
import { connections } from './commands/connections.js';
import { reload } from './commands/reload.js';
import { restart } from './commands/restart.js';
import { readiness, status } from './commands/status.js';
import { stop } from './commands/stop.js';
import { tasks } from './commands/tasks.js';
import { top } from './commands/top.js';
import { ConnectionLost, type ControlClient } from './control/control-client.js';
import { findServer, type Target } from './control/find-servers.js';
import { EntryError, findEntry } from './entry.js';
import { helpText } from './help.js';
import { colours, complain, print } from './output.js';
import { planText } from './plan-text.js';
import { start } from './start.js';
import { CommandExit, UsageError } from './usage-error.js';

type InspectCommand = Extract<Command, { name: 'inspect' }>;

try {
  perform(readCommandLine(process.argv.slice(2)));
} catch (error) {
  fail(error);
}

function perform(command: Command): void {
  switch (command.name) {
    case 'help':
      process.stdout.write(helpText(command.of));
      return;
    case 'version':
      print(version());
      return;
    case 'start':
      start(findEntry(command.entry), command.args, command);
      return;
    case 'inspect':
      leaveAfter(inspect(findEntry(command.entry), command));
      return;
    case 'stop':
      leaveAfter(withServer(command.target, (client) => stop(client, command.timeout)));
      return;
    case 'restart': {
      const { target, timeout } = command;
      leaveAfter(withServer(target, (client) => restart(client, timeout, target.runtimeDirectory)));
      return;
    }
    case 'reload':
      leaveAfter(withServer(command.target, (client) => reload(client, command)));
      return;
    case 'status':
      leaveAfter(
        withServer(command.target, (client) => {
          return command.ready ? readiness(client) : status(client, command.json);
        }),
        command.ready,
      );
      return;
    case 'top':
      leaveAfter(withServer(command.target, (client) => top(client, command.count)));
      return;
    case 'connections':
      leaveAfter(withServer(command.target, (client) => connections(client, command.limit, command.json)));
      return;
    case 'tasks':
      leaveAfter(withServer(command.target, (client) => tasks(client, command)));
      return;
    case 'reopen':
      leaveAfter(withServer(command.target, reopen));
  }
}

async function withServer(
  target: Target,
  act: (client: ControlClient) => Promise<number | void>,
): Promise<number | void> {
  const client = await findServer(target);
  try {
    return await act(client);
  } finally {
    client.close();
  }
}

async function reopen(client: ControlClient): Promise<void> {
  await client.ask({ what: 'reopenLogs' });
  print(`${client.greeting.name}, pid ${client.greeting.pid}, has opened its log files anew`);
}

async function inspect(path: string, { args, json }: InspectCommand): Promise<number> {
  const result = await check(path, args);
  if ('plan' in result) {
    const text = json ? `${JSON.stringify(result.plan, undefined, 2)}\n` : planText(result.plan, colours(1));
    process.stdout.write(text);
    return CommandExit.ok;
  }
  if (result.reason !== undefined) complain(result.reason);
  return result.exitCode;
}

/** Whoever reads the output may leave early, as `head` does: that is no failure. */
function leaveAfter(work: Promise<number | void>, silent = false): void {
  process.stdout.on('error', () => process.exit(CommandExit.ok));
  work.then(
    (code) => {
      if (typeof code === 'number') process.exitCode = code;
    },
    (error: unknown) => fail(error, silent),
  );
}

function fail(error: unknown, silent = false): void {
  const exitCode = exitCodeFor(error);
  // A defect of ours: Node shows its stack.
  if (exitCode === undefined) throw error;
  process.exitCode = exitCode;
  if (silent && exitCode !== CommandExit.usage) return;
  complain((error as Error).message);
  if (exitCode === CommandExit.usage) process.stderr.write('See shoal --help.\n');
}

function exitCodeFor(error: unknown): number | undefined {
  if (error instanceof UsageError) return CommandExit.usage;
  if (error instanceof EntryError) return CommandExit.noInput;
  if (error instanceof CommandError) return error.exitCode;
  if (error instanceof ConnectionLost) return CommandExit.failed;
  // What the server answered, or the system; those of Node itself mean a defect.
  const code = codeOf(error);
  return code === '' || code.startsWith('ERR_') ? undefined : CommandExit.failed;
}

function version(): string {
  const { version } = createRequire(import.meta.url)('../package.json') as { readonly version: string };
  return version;
}
