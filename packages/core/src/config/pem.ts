import { count, Refusal, type Reader } from './reader.js';
import { hashOf } from './text-hash.js';
import { file } from './text.js';

/** Characters: a bundle of many authorities is smaller. */
const longestText = 1024 * 1024;

const inlineMark = /^inline:\d+:[\da-f]{8}$/;

/** Whether it is the text itself, and not the path of a file. */
export function isPemText(value: unknown): value is string {
  return typeof value === 'string' && value.includes('-----BEGIN ');
}

/** Whether settings stand for a text that was written in them: only the first process has it. */
export function isInline(place: string): boolean {
  return inlineMark.test(place);
}

/**
 * A file in PEM, by its path, or its text.
 *
 * Settings travel to every process and are shown to people, so of a text they
 * keep no more than that there is one, and which.
 */
export function pem(what: string): Reader<string, string> {
  const takes = `the path of ${what} in PEM, or its text`;
  const path = file();
  return {
    type: 'string',
    range: 'the path of a PEM file, absolute or relative to the working directory, or PEM text',
    takes,
    read(value) {
      if (typeof value !== 'string') return new Refusal('is not a string', `write ${takes}`);
      if (inlineMark.test(value)) return value;
      if (!isPemText(value)) return path.read(value);
      if (!value.includes('-----END ')) return new Refusal('has no end', `write the whole of ${what} in PEM`);
      if (value.length > longestText) return new Refusal('is too long', `write ${takes}`);
      return `inline:${value.length}:${hashOf(value)}`;
    },
  };
}

/** What settings say in place of a secret. */
export const hiddenSecret = '(secret)';

/** A text that nobody is shown; settings say only that there is one. */
export function secret(longest: number): Reader<string, string> {
  const takes = `a string of 1 to ${count(longest, 'character')}`;
  return {
    type: 'string',
    range: `1 to ${longest} characters; never shown`,
    takes,
    read(value) {
      if (typeof value !== 'string') return new Refusal('is not a string', `write ${takes}`);
      if (value === '' || value.length > longest) return new Refusal('has another length', `write ${takes}`);
      return hiddenSecret;
    },
  };
}
