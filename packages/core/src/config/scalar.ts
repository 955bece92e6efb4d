import { group, Refusal, type Reader } from './reader.js';

export function integer(minimum: number, maximum: number): Reader<number, number> {
  const takes = `an integer from ${group(minimum)} to ${group(maximum)}`;
  return {
    type: 'integer',
    range: `${group(minimum)} to ${group(maximum)}`,
    takes,
    read(value) {
      if (typeof value === 'string') return new Refusal('is a string', `write ${takes}, without quotes`);
      if (typeof value !== 'number' || !Number.isInteger(value)) {
        return new Refusal('is not an integer', `write ${takes}`);
      }
      if (value < minimum) return new Refusal(`is below the minimum of ${group(minimum)}`, `write ${takes}`);
      if (value > maximum) return new Refusal(`is above the maximum of ${group(maximum)}`, `write ${takes}`);
      return value;
    },
  };
}

/** What `reader` takes, or the word 'auto'. */
export function automatic<Input, Output>(
  reader: Reader<Input, Output>,
): Reader<Input | 'auto', Output | 'auto'> {
  return {
    type: `\`'auto'\` or ${reader.type}`,
    range: reader.range,
    takes: `'auto' or ${reader.takes}`,
    read(value) {
      if (value === 'auto') return 'auto';
      const result = reader.read(value);
      if (!(result instanceof Refusal)) return result;
      return new Refusal(result.reason, result.remedy.replace(/^write /, "write 'auto' or "));
    },
  };
}

export function boolean(): Reader<boolean, boolean> {
  return {
    type: 'boolean',
    range: '',
    takes: 'true or false',
    read: (value) =>
      typeof value === 'boolean' ? value : new Refusal('is not a boolean', 'write true or false'),
  };
}
