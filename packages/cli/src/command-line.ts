/**
 * Reads the command line. Options of a command stand before the program; what
 * follows the program belongs to it. Commands that speak to a running server
 * take their options anywhere.
 *
 *   shoal inspect --json dist/main.js --port 9501
 *         └ command ┘    └ entry ┘    └ arguments of the program
 *   shoal stop chat --timeout 60s
 *              └ server: a name or a pid
 */
import { parseArgs } from 'node:util';
import { duration } from '@shoal/core/internal/config/duration';
import { nearest } from '@shoal/core/internal/config/nearest';
import { Refusal } from '@shoal/core/internal/config/reader';
import type { TaskState } from '@shoal/core/internal/pipe/queued-tasks';
import type { Target } from './control/find-servers.js';
import { UsageError } from './usage-error.js';

interface Aimed {
  readonly target: Target;
}

interface Program {
  readonly entry: string;
  readonly args: readonly string[];
}

export type Command =
  | { readonly name: 'help'; readonly of: CommandName | undefined }
  | { readonly name: 'version' }
  | (Program & { readonly name: 'start'; readonly daemonize: boolean; readonly pidFile?: string })
  | (Program & { readonly name: 'inspect'; readonly json: boolean })
  | (Aimed & { readonly name: 'stop' | 'restart'; readonly timeout: number })
  | (Aimed & {
      readonly name: 'reload';
      readonly only?: 'taskWorker';
      readonly wait: boolean;
      readonly timeout: number;
    })
  | (Aimed & { readonly name: 'status'; readonly json: boolean; readonly ready: boolean })
  | (Aimed & { readonly name: 'top'; readonly count: number })
  | (Aimed & { readonly name: 'connections'; readonly json: boolean; readonly limit: number })
  | (Aimed & { readonly name: 'tasks' } & TasksAction)
  | (Aimed & { readonly name: 'reopen' });

export type TasksAction =
  | {
      readonly action: 'list';
      readonly state?: TaskState;
      readonly json: boolean;
      readonly limit: number;
    }
  /** Without ids, all dead letters. */
  | { readonly action: 'retry'; readonly ids?: readonly number[] }
  | { readonly action: 'drain' };

export type CommandName = Exclude<Command['name'], 'help' | 'version'>;

/** Waits of a command that were not given, in ms. */
const timeouts = { stop: 60_000, restart: 60_000, reload: 600_000 };

const defaultLimit = 1_000;

interface OptionShape {
  readonly type: 'boolean' | 'string';
  readonly short?: string;
}

type Options = Readonly<Record<string, OptionShape>>;

const flag: OptionShape = { type: 'boolean' };
const value: OptionShape = { type: 'string' };
const help: OptionShape = { type: 'boolean', short: 'h' };
const aimed: Options = { 'pid-file': value, 'runtime-directory': value, help };

const optionsOf: Readonly<Record<CommandName, Options>> = {
  start: { daemonize: flag, 'pid-file': value, help },
  stop: { timeout: value, ...aimed },
  restart: { timeout: value, ...aimed },
  reload: { only: value, 'no-wait': flag, timeout: value, ...aimed },
  status: { json: flag, ready: flag, ...aimed },
  top: { count: value, ...aimed },
  connections: { json: flag, limit: value, ...aimed },
  tasks: { state: value, json: flag, limit: value, all: flag, server: value, ...aimed },
  reopen: aimed,
  inspect: { json: flag, help },
};

export const commandNames = Object.keys(optionsOf) as CommandName[];

/** Words that older scripts use. */
const otherWords: Readonly<Record<string, CommandName>> = { check: 'inspect' };

/** Throws `UsageError`. */
export function readCommandLine(argv: readonly string[]): Command {
  const at = argv.findIndex((argument) => !isOption(argument));
  const own = at === -1 ? argv : argv.slice(0, at);
  const given = readArguments(
    'shoal',
    own,
    { help, version: { type: 'boolean', short: 'v' } },
    'before',
  ).options;
  if (given.has('version')) return { name: 'version' };
  const word = argv[at];
  if (given.has('help')) return { name: 'help', of: word === undefined ? undefined : commandNamed(word) };
  if (word === undefined) {
    throw new UsageError('say what to do, such as shoal start <entry> or shoal status; see shoal --help');
  }
  if (word === 'help') return readHelp(argv.slice(at + 1));
  const name = commandNamed(word);
  const rest = argv.slice(at + 1);
  return name === 'start' || name === 'inspect' ? readProgram(name, word, rest) : readAimed(name, rest);
}

function readProgram(name: 'start' | 'inspect', word: string, argv: readonly string[]): Command {
  const { options, positionals } = readArguments(`shoal ${word}`, argv, optionsOf[name], 'before');
  if (options.has('help')) return { name: 'help', of: name };
  const [entry, ...args] = positionals;
  if (entry === undefined || entry === '') {
    throw new UsageError(`name the program to ${word}: shoal ${word} dist/main.js`);
  }
  if (name === 'inspect') return { name, entry, args, json: options.has('json') };
  const pidFile = options.get('pid-file');
  return {
    name,
    entry,
    args,
    daemonize: options.has('daemonize'),
    ...(pidFile !== undefined && { pidFile }),
  };
}

function readAimed(name: Exclude<CommandName, 'start' | 'inspect'>, argv: readonly string[]): Command {
  const { options, positionals } = readArguments(`shoal ${name}`, argv, optionsOf[name], 'anywhere');
  if (options.has('help')) return { name: 'help', of: name };
  if (name === 'tasks') return readTasks(options, positionals);
  const target = readTarget(name, options, positionals);
  switch (name) {
    case 'stop':
    case 'restart':
      return { name, target, timeout: readTimeout(options, timeouts[name]) };
    case 'reload': {
      const only = options.get('only');
      if (only !== undefined && only !== 'task') {
        throw new UsageError(`--only takes task, for the task workers, not ${only}`);
      }
      return {
        name,
        target,
        ...(only !== undefined && { only: 'taskWorker' }),
        wait: !options.has('no-wait'),
        timeout: readTimeout(options, timeouts.reload),
      };
    }
    case 'status':
      if (options.has('json') && options.has('ready')) {
        throw new UsageError('--ready prints nothing: leave out --json or --ready');
      }
      return { name, target, json: options.has('json'), ready: options.has('ready') };
    case 'top':
      return { name, target, count: readCount(options, 'count', Infinity) };
    case 'connections':
      return { name, target, json: options.has('json'), limit: readCount(options, 'limit', defaultLimit) };
    case 'reopen':
      return { name, target };
  }
}

/** The ids of tasks are numbers, as pids are: so the server has an option here. */
function readTasks(options: ReadonlyMap<string, string>, positionals: readonly string[]): Command {
  const [action = 'list', ...rest] = positionals;
  const server = options.get('server');
  const target = readTarget('tasks', options, server === undefined ? [] : [server]);
  const own = tasksOptions[action];
  if (own === undefined) {
    const known = Object.keys(tasksOptions);
    throw new UsageError(
      `shoal tasks does not know ${action}${guess(action, known, `it knows ${list(known)}`)}`,
    );
  }
  for (const option of ['state', 'json', 'limit', 'all']) {
    if (options.has(option) && !own.includes(option))
      throw new UsageError(`shoal tasks ${action} has no option --${option}`);
  }
  if (rest.length > 0 && action !== 'retry')
    throw new UsageError(
      `shoal tasks ${action} takes nothing more, and not ${rest[0]}: name the server by --server`,
    );
  switch (action) {
    case 'retry':
      return { name: 'tasks', target, action, ...readIds(rest, options.has('all')) };
    case 'drain':
      return { name: 'tasks', target, action };
    default: {
      const state = action === 'dead' ? 'dead' : readState(options.get('state'));
      const limit = readCount(options, 'limit', defaultLimit);
      const shown = { json: options.has('json'), limit, ...(state !== undefined && { state }) };
      return { name: 'tasks', target, action: 'list', ...shown };
    }
  }
}

const tasksOptions: Readonly<Record<string, readonly string[]>> = {
  list: ['state', 'json', 'limit'],
  dead: ['json', 'limit'],
  retry: ['all'],
  drain: [],
};

const taskStates = ['waiting', 'delayed', 'leased', 'dead'] as const satisfies TaskState[];

function readState(text: string | undefined): TaskState | undefined {
  const state = taskStates.find((each) => each === text);
  if (text === undefined || state !== undefined) return state;
  throw new UsageError(`--state takes ${list(taskStates)}, not ${text}`);
}

function readIds(words: readonly string[], all: boolean): { readonly ids?: readonly number[] } {
  if (all && words.length > 0) throw new UsageError('shoal tasks retry takes ids or --all, not both');
  if (!all && words.length === 0)
    throw new UsageError('say which: shoal tasks retry <id> …, or shoal tasks retry --all');
  const wrong = words.find((word) => !/^[1-9]\d{0,14}$/.test(word));
  if (wrong !== undefined) throw new UsageError(`a task has a number, as shoal tasks shows it, not ${wrong}`);
  return all ? {} : { ids: words.map(Number) };
}

function readTarget(
  name: CommandName,
  options: ReadonlyMap<string, string>,
  positionals: readonly string[],
): Target {
  const [server, another] = positionals;
  const pidFile = options.get('pid-file');
  const runtimeDirectory = options.get('runtime-directory');
  if (server === '') throw new UsageError('the name of a server is not empty');
  if (another !== undefined) {
    throw new UsageError(`shoal ${name} takes one server, not both ${server} and ${another}`);
  }
  if (server !== undefined && pidFile !== undefined) {
    throw new UsageError(`name the server by ${server} or by --pid-file, not by both`);
  }
  return {
    ...(server !== undefined && { server }),
    ...(pidFile !== undefined && { pidFile }),
    ...(runtimeDirectory !== undefined && { runtimeDirectory }),
  };
}

function readTimeout(options: ReadonlyMap<string, string>, otherwise: number): number {
  const text = options.get('timeout');
  if (text === undefined) return otherwise;
  const read = duration(100).read(/^\d+$/.test(text) ? Number(text) : text);
  if (read instanceof Refusal) throw new UsageError(`--timeout ${text} ${read.reason}: ${read.remedy}`);
  return read;
}

function readCount(options: ReadonlyMap<string, string>, name: string, otherwise: number): number {
  const text = options.get(name);
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new UsageError(`--${name} takes a whole number of at least 1, not ${text}`);
  return Number(text);
}

function readHelp([word]: readonly string[]): Command {
  return { name: 'help', of: word === undefined ? undefined : commandNamed(word) };
}

function commandNamed(word: string): CommandName {
  const found = Object.hasOwn(otherWords, word)
    ? otherWords[word]
    : commandNames.find((name) => name === word);
  if (found !== undefined) return found;
  const known = [...commandNames, ...Object.keys(otherWords)];
  throw new UsageError(
    `there is no command '${word}'${guess(word, known, `the commands are ${list(commandNames)}`)}`,
  );
}

interface Arguments {
  /** By their long names; the text is empty for those that take no value. */
  readonly options: ReadonlyMap<string, string>;
  readonly positionals: readonly string[];
}

/** `before`: what follows the first argument that is no option, or `--`, is positional whatever it looks like. */
function readArguments(
  command: string,
  argv: readonly string[],
  shapes: Options,
  where: 'before' | 'anywhere',
): Arguments {
  const { tokens } = parseArgs({
    args: [...argv],
    options: { ...shapes },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const options = new Map<string, string>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'option') {
      options.set(token.name, readOption(command, token, shapes));
    } else if (where === 'before') {
      return {
        options,
        positionals: argv.slice(token.kind === 'positional' ? token.index : token.index + 1),
      };
    } else if (token.kind === 'positional') {
      positionals.push(token.value);
    }
  }
  return { options, positionals };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function readOption(
  command: string,
  { name, rawName, value: text, inlineValue }: OptionToken,
  shapes: Options,
): string {
  const shape = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
  if (shape === undefined) {
    const known = Object.keys(shapes).map((each) => `--${each}`);
    throw new UsageError(
      `${command} has no option ${rawName}${guess(rawName, known, `its options are ${list(known)}`)}`,
    );
  }
  if (shape.type === 'boolean') {
    if (text !== undefined) throw new UsageError(`${rawName} takes no value, not ${text}`);
    return '';
  }
  if (text === undefined || text === '' || (inlineValue !== true && isOption(text))) {
    throw new UsageError(`${rawName} needs a value: ${rawName} <value>`);
  }
  return text;
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
