import { parseArgs } from 'node:util';
import { chosen, positive, wholePositive } from '../harness/arguments.js';
import { rows, type Row } from './rows.js';

export interface SimulateOptions {
  /** Measured time of one turn, in seconds. */
  readonly seconds: number;
  readonly rounds: number;
  readonly rows: readonly Row[];
  /** Where the raw results go. */
  readonly json: string | undefined;
}

export const usage = `Usage: npm run bench -- simulate [options]

  --seconds <n>   measured time of each turn, default 1
  --rounds <n>    turns of each row, default 5
  --only <names>  of the rows ${rows.map(({ name }) => name).join(', ')}; a comma between them
  --json <file>   also writes every turn and every median there
  --help`;

/** Undefined when the usage was asked for. Throws an error that says what is wrong. */
export function readOptions(args: string[]): SimulateOptions | undefined {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: 'string', default: '1' },
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
    rows: chosen(values.only, rows, 'row'),
    json: values.json,
  };
}
