/**
 * Reads the command line. Options of a command stand before the program; what
 * follows the program belongs to it.
 *
 *   shoal check --json dist/main.js --port 9501
 *         └ command ┘  └ entry ┘    └ arguments of the program
 */
import { parseArgs } from 'node:util';
import { nearest } from '@shoal/core/internal/config/nearest';
import { UsageError } from './usage-error.js';

export type Command =
  | { readonly name: 'help'; readonly of: CommandName | undefined }
  | { readonly name: 'version' }
  | { readonly name: 'start'; readonly entry: string; readonly args: readonly string[] }
  | {
      readonly name: 'check';
      readonly entry: string;
      readonly args: readonly string[];
      readonly json: boolean;
    };

export type CommandName = 'start' | 'check';

interface OptionShape {
  readonly type: 'boolean';
  readonly short?: string;
}

const help: OptionShape = { type: 'boolean', short: 'h' };

const optionsOf: Readonly<Record<CommandName, Readonly<Record<string, OptionShape>>>> = {
  start: { help },
  check: { help, json: { type: 'boolean' } },
};

const commandNames = Object.keys(optionsOf) as CommandName[];

/** Throws `UsageError`. */
export function readCommandLine(argv: readonly string[]): Command {
  const at = argv.findIndex((argument) => !isOption(argument));
  const own = at === -1 ? argv : argv.slice(0, at);
  const given = readOptions('shoal', own, { help, version: { type: 'boolean', short: 'v' } });
  if (given.has('version')) return { name: 'version' };
  const word = argv[at];
  if (given.has('help')) return { name: 'help', of: word === undefined ? undefined : commandNamed(word) };
  if (word === undefined) throw new UsageError('say what to do: shoal start <entry> or shoal check <entry>');
  if (word === 'help') return readHelp(argv.slice(at + 1));
  return readCommand(commandNamed(word), argv.slice(at + 1));
}

function readCommand(name: CommandName, argv: readonly string[]): Command {
  const separator = argv.indexOf('--');
  const first = argv.findIndex((argument) => !isOption(argument));
  const at = first === -1 || (separator !== -1 && separator < first) ? separator : first;
  const given = readOptions(`shoal ${name}`, at === -1 ? argv : argv.slice(0, at), optionsOf[name]);
  if (given.has('help')) return { name: 'help', of: name };
  const [entry, ...args] = at === -1 ? [] : argv.slice(argv[at] === '--' ? at + 1 : at);
  if (entry === undefined || entry === '') {
    throw new UsageError(`name the program to ${name}: shoal ${name} dist/main.js`);
  }
  return name === 'check' ? { name, entry, args, json: given.has('json') } : { name, entry, args };
}

function readHelp([word]: readonly string[]): Command {
  return { name: 'help', of: word === undefined ? undefined : commandNamed(word) };
}

function commandNamed(word: string): CommandName {
  const found = commandNames.find((name) => name === word);
  if (found !== undefined) return found;
  throw new UsageError(
    `there is no command '${word}'${guess(word, commandNames, `the commands are ${list(commandNames)}`)}`,
  );
}

/** The options that were given, by their long names. */
function readOptions(
  command: string,
  argv: readonly string[],
  options: Readonly<Record<string, OptionShape>>,
): ReadonlySet<string> {
  const { tokens } = parseArgs({ args: [...argv], options: { ...options }, strict: false, tokens: true });
  const given = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    if (!Object.hasOwn(options, token.name)) {
      const known = Object.keys(options).map((name) => `--${name}`);
      throw new UsageError(
        `${command} has no option ${token.rawName}${guess(token.rawName, known, `its options are ${list(known)}`)}`,
      );
    }
    if (token.value !== undefined)
      throw new UsageError(`${token.rawName} takes no value, not ${token.value}`);
    given.add(token.name);
  }
  return given;
}

function guess(word: string, known: readonly string[], otherwise: string): string {
  const meant = nearest(word, known);
  return meant === undefined ? `; ${otherwise}` : `; did you mean ${meant}?`;
}

function list(words: readonly string[]): string {
  return words.join(', ');
}

function isOption(argument: string): boolean {
  return argument.startsWith('-') && argument !== '-';
}
