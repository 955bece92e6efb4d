import type { Definition, HandlerSpec, ProcessBody, TimerSpec } from '../definition.js';
import { ConfigError, type ConfigErrorCode } from '../errors.js';
import { eventTable } from './event-table.js';
import { rolesOf } from './handler-table.js';

export interface HandlerProblem {
  readonly code: ConfigErrorCode;
  readonly text: string;
}

/** What commands call the two processes above the workers. */
const taken: readonly string[] = ['master', 'manager'];

/** What is wrong with the name of a user process, with the remedy; undefined when nothing is. */
export function processNameProblem(name: unknown): string | undefined {
  if (typeof name !== 'string' || name === '') return 'a user process needs a name that is not empty';
  if (taken.includes(name))
    return `a user process cannot be called '${name}': commands know the ${name} by that name`;
  return undefined;
}

/** What `addProcess` was given. Throws `ConfigError` CONFIG_INVALID for what is neither a function nor the URL of a file. */
export function processBodyOf(name: string, main: string | URL | ((server: object) => unknown)): ProcessBody {
  if (typeof main === 'function') return { kind: 'function', run: main };
  const url = main instanceof URL ? main.href : main;
  if (typeof url === 'string' && url.startsWith('file:')) return { kind: 'module', url };
  throw new ConfigError(
    'CONFIG_INVALID',
    `addProcess('${name}', ${JSON.stringify(url)}): write a function, or the file URL of a module, such as ` +
      `new URL('./${name}.js', import.meta.url)`,
  );
}

/** User processes whose names are not good, handlers that cannot run in theirs, and commands that two handlers answer. */
export function processProblems(definition: Definition): readonly HandlerProblem[] {
  const { processes = [], handlers, timers } = definition;
  const names = processes.map(({ name }) => name);
  return [
    ...names.flatMap((name, index) => invalid(nameProblem(name, names.indexOf(name) < index))),
    ...[...handlers, ...timers].flatMap((spec) => placeProblems(spec, names)),
    ...commandProblems(handlers),
  ];
}

function nameProblem(name: string, again: boolean): string | undefined {
  return again ? `two user processes are called '${name}': give one another name` : processNameProblem(name);
}

function placeProblems(spec: HandlerSpec | TimerSpec, names: readonly string[]): readonly HandlerProblem[] {
  const { process, label } = spec;
  if (process === undefined) return [];
  if (!names.includes(process)) {
    const known = names.length === 0 ? 'there is none' : `there are ${names.map(quote).join(', ')}`;
    return invalid(`${label} is to run in the user process '${process}', and ${known}`);
  }
  if (!('event' in spec)) {
    if (spec.on === undefined) return [];
    return invalid(`${label} is of the user process '${process}' and runs there: leave out on: '${spec.on}'`);
  }
  const { decorator, roles, kind } = eventTable[spec.event];
  if (!roles.includes('userProcess')) {
    const where =
      kind === 'connection'
        ? 'the workers that serve connections'
        : kind === 'datagram'
          ? 'the workers that take datagrams'
          : `the ${roles.join(' and ')}`;
    return never(
      `${label} carries @${decorator}, an event of ${where}, and would never run in the user process '${process}': ` +
        'move it into a class with @Handler',
    );
  }
  if (spec.command?.on === undefined) return [];
  return invalid(
    `${label} is of the user process '${process}' and is asked there: leave out on: '${spec.command.on}'`,
  );
}

function commandProblems(handlers: readonly HandlerSpec[]): readonly HandlerProblem[] {
  const commands = handlers.filter(({ event }) => event === 'command');
  return commands.flatMap((spec, index) => {
    const first = commands.slice(0, index).find((other) => isSame(other, spec));
    if (first === undefined) return [];
    const text = `${first.label} and ${spec.label} both answer the command '${spec.command?.name}' in the same processes: keep one`;
    return [{ code: 'CONFIG_DUPLICATE_HANDLER' as const, text }];
  });
}

function isSame(one: HandlerSpec, other: HandlerSpec): boolean {
  return (
    one.command?.name === other.command?.name &&
    one.process === other.process &&
    rolesOf(one).join() === rolesOf(other).join()
  );
}

function invalid(text: string | undefined): readonly HandlerProblem[] {
  return text === undefined ? [] : [{ code: 'CONFIG_INVALID', text }];
}

function never(text: string): readonly HandlerProblem[] {
  return [{ code: 'CONFIG_HANDLER_NEVER_RUNS', text }];
}

function quote(name: string): string {
  return `'${name}'`;
}
