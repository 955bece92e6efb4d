import { Refusal, type Reader } from './reader.js';

/** A short run of bytes as an array of numbers, which is how it travels between processes. */
export function bytes(longest: number): Reader<readonly number[], readonly number[]> {
  const takes = `1 to ${longest} bytes`;
  return {
    type: 'bytes',
    range: `1 to ${longest} bytes, each 0 to 255`,
    takes,
    read(value) {
      if (!Array.isArray(value)) return new Refusal('is not an array of bytes', "write delimiter('\\n')");
      const items: unknown[] = value;
      if (items.length === 0) return new Refusal('marks no end', `write ${takes}`);
      if (items.length > longest) return new Refusal('is too long', `write ${takes}`);
      if (items.every(isByte)) return [...items];
      return new Refusal('has an element that is no byte', 'write integers from 0 to 255');
    },
  };
}

function isByte(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255;
}
