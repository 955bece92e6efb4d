import { parseArgs } from 'node:util';
import { chosen, positive, wholePositive } from '../harness/arguments.js';
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
  return {
    seconds: positive('seconds', values.seconds),
    rounds: wholePositive('rounds', values.rounds),
    cases: chosen(values.only, cases, 'case'),
    json: values.json,
  };
}
