#!/usr/bin/env node
/** The `shoal` command. Reads the command line, does what it says, and leaves with a code that means it. */
import { createRequire } from 'node:module';
import { styleText } from 'node:util';
import { check } from './check.js';
import { readCommandLine, type Command } from './command-line.js';
import { EntryError, findEntry } from './entry.js';
import { helpText } from './help.js';
import { planText } from './plan-text.js';
import { start } from './start.js';
import { CommandExit, UsageError } from './usage-error.js';

type CheckCommand = Extract<Command, { name: 'check' }>;

try {
  perform(readCommandLine(process.argv.slice(2)));
} catch (error) {
  if (error instanceof UsageError) {
    complain(error.message);
    process.stderr.write('See shoal --help.\n');
    process.exitCode = CommandExit.usage;
  } else if (error instanceof EntryError) {
    complain(error.message);
    process.exitCode = CommandExit.noInput;
  } else {
    throw error;
  }
}

function perform(command: Command): void {
  switch (command.name) {
    case 'help':
      process.stdout.write(helpText(command.of));
      return;
    case 'version':
      process.stdout.write(`${version()}\n`);
      return;
    case 'start':
      start(findEntry(command.entry), command.args);
      return;
    case 'check':
      void performCheck(findEntry(command.entry), command);
  }
}

async function performCheck(path: string, { args, json }: CheckCommand): Promise<void> {
  const result = await check(path, args);
  if ('plan' in result) {
    const text = json ? `${JSON.stringify(result.plan, undefined, 2)}\n` : planText(result.plan, colours(1));
    process.stdout.write(text);
    return;
  }
  if (result.reason !== undefined) complain(result.reason);
  process.exitCode = result.exitCode;
}

function complain(text: string): void {
  const prefix = colours(2) ? styleText('red', 'shoal:', { validateStream: false }) : 'shoal:';
  process.stderr.write(`${prefix} ${text}\n`);
}

/** Whether that output is a terminal for colours. */
function colours(descriptor: 1 | 2): boolean {
  const stream = descriptor === 1 ? process.stdout : process.stderr;
  return stream.isTTY && process.env['NO_COLOR'] === undefined;
}

function version(): string {
  const { version } = createRequire(import.meta.url)('../package.json') as { readonly version: string };
  return version;
}
