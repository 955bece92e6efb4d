import { parseArgs } from 'node:util';
import { cases, type EchoCase } from './cases.js';

export interface EchoOptions {
  /** Measured time of one turn, in seconds. */
  readonly seconds: number;
  readonly rounds: number;
  readonly cases: readonly EchoCase[];
  /** Where the raw results go. */
  readonly json: string | undefined;
}

export const usage = `Usage: npm run bench -- echo [options]

  --seconds <n>   measured time of each turn, default 2
  --rounds <n>    turns of each server, default 5
  --only <names>  of the cases ${cases.map(({ name }) => name).join(', ')}; a comma between them
  --json <file>   also writes every turn and every median there
  --help`;

/** Undefined when the usage was asked for. Throws an error that says what is wrong. */
export function readOptions(args: string[]): EchoOptions | undefined {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: 'string', default: '2' },
      rounds: { type: 'string', default: '5' },
      only: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const rounds = positive('rounds', values.rounds);
  if (!Number.isInteger(rounds)) throw new Error(`--rounds takes a whole number, not ${values.rounds}`);
  return {
    seconds: positive('seconds', values.seconds),
    rounds,
    cases: values.only === undefined ? cases : chosen(values.only),
    json: values.json,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  throw new Error(`--${name} takes a number above 0, not '${text}'`);
}

function chosen(names: string): EchoCase[] {
  return names.split(',').map((name) => {
    const found = cases.find((each) => each.name.toLowerCase() === name.trim().toLowerCase());
    if (found !== undefined) return found;
    throw new Error(`there is no case '${name}'; there are ${cases.map((each) => each.name).join(', ')}`);
  });
}
