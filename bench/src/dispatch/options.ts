import { parseArgs } from 'node:util';
import { chosen, positive, wholePositive } from '../harness/arguments.js';

/** In the order in which they take their turns; the others are compared with the first. */
export const modes = [
  { name: 'fixed' },
  { name: 'ipHash' },
  { name: 'leastConnections' },
  { name: 'roundRobin' },
  { name: 'preemptive' },
  { name: 'leastInFlight' },
  { name: 'module' },
] as const;

export interface DispatchOptions {
  /** Measured time of one turn, in seconds. */
  readonly seconds: number;
  readonly rounds: number;
  readonly reactors: number;
  readonly workers: number;
  readonly modes: readonly { readonly name: string }[];
}

export const usage = `Usage: npm run bench -- dispatch [options]

  --seconds <n>    measured time of each turn, default 1
  --rounds <n>     turns of each mode, default 5
  --reactors <n>   default 1
  --workers <n>    default 2
  --only <names>   of the modes ${modes.map(({ name }) => name).join(', ')}; a comma between them
  --help`;

/** Undefined when the usage was asked for. Throws an error that says what is wrong. */
export function readOptions(args: string[]): DispatchOptions | undefined {
  const text = (fallback: string) => ({ type: 'string', default: fallback }) as const;
  const { values } = parseArgs({
    args,
    options: {
      seconds: text('1'),
      rounds: text('5'),
      reactors: text('1'),
      workers: text('2'),
      only: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  return {
    seconds: positive('seconds', values.seconds),
    rounds: wholePositive('rounds', values.rounds),
    reactors: wholePositive('reactors', values.reactors),
    workers: wholePositive('workers', values.workers),
    modes: chosen(values.only, modes, 'mode'),
  };
}
