import { ConfigError } from '../../errors.js';

/** There is no file to run again behind `node -e`, the prompt and standard input. */
export function programPath(): string {
  const path = process.argv[1];
  const evaluated = process.execArgv.some((argument) =>
    /^(-e|-p|-pe|-i|--eval|--print|--interactive)(=|$)/.test(argument),
  );
  if (path !== undefined && path !== '-' && !evaluated) return path;
  throw new ConfigError(
    'CONFIG_PLATFORM',
    'the server starts further processes from the file of the program, and there is none: put the program into a file and run it with `node file.js`',
  );
}
