import { group, Refusal, type Reader } from './reader.js';
import { longestPath } from './text.js';

/** Where a unix socket is to be. Absolute, because processes that find it need not have our working directory. */
export function socketPath(): Reader<string, string> {
  const takes = `an absolute path of at most ${longestPath} bytes`;
  return {
    type: 'string',
    range: takes,
    takes,
    read(value) {
      if (typeof value !== 'string') return new Refusal('is not a string', `write ${takes}`);
      if (!value.startsWith('/')) return new Refusal('is not an absolute path', `write ${takes}`);
      if (value.endsWith('/')) return new Refusal('is a directory', `write ${takes}`);
      if (/\p{Cc}/u.test(value)) return new Refusal('has control characters', `write ${takes} without them`);
      const bytes = new TextEncoder().encode(value).length;
      if (bytes > longestPath) return new Refusal(`has ${group(bytes)} bytes`, `write ${takes}`);
      return value;
    },
  };
}

/** The bits of the mode of a file that say who may do what: a number, or a string of octal digits. */
export function fileMode(): Reader<number | string, number> {
  const takes = "a mode such as 0o660 or '660'";
  return {
    type: 'file mode',
    range: '0o000 to 0o777, or a string of octal digits',
    takes,
    read(value) {
      const mode =
        typeof value === 'string' && /^0?[0-7]{3}$/.test(value) ? Number.parseInt(value, 8) : value;
      if (typeof mode !== 'number' || !Number.isInteger(mode))
        return new Refusal('is not a mode', `write ${takes}`);
      if (mode < 0 || mode > 0o777) return new Refusal('is not between 0o000 and 0o777', `write ${takes}`);
      return mode;
    },
  };
}
