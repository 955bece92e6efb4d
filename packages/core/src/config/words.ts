import { nearest } from './nearest.js';
import { alternatives, Refusal, type Reader } from './reader.js';
import { show } from './show.js';

type Aliases = readonly (string | number)[];

/**
 * Reads one word of a list. Each word may have other spellings, which are the
 * numbers and letters of Swoole; `later` are words that this
 * version knows of but does not have.
 */
export function words<const Table extends Readonly<Record<string, Aliases>>>(
  table: Table,
  later: Readonly<Record<string, Aliases>> = {},
): Reader<(keyof Table & string) | Table[keyof Table][number], keyof Table & string> {
  const known = Object.keys(table) as (keyof Table & string)[];
  const takes = alternatives(known.map((word) => show(word)));
  return {
    type: known.map((word) => `\`'${word}'\``).join(' \\| '),
    range: known.flatMap((word) => manualEntry(word, table[word] ?? [])).join(', '),
    takes,
    read(value) {
      const word = known.find(
        (each) => each === value || (table[each] ?? []).some((alias) => alias === value),
      );
      if (word !== undefined) return word;
      const isLater = Object.entries(later).some(
        ([each, aliases]) => each === value || aliases.some((alias) => alias === value),
      );
      if (isLater) return new Refusal('is not in this version', `write ${takes}`);
      const close = typeof value === 'string' ? nearest(value, known) : undefined;
      return new Refusal(
        'is none of its words',
        close === undefined ? `write ${takes}` : `did you mean ${show(close)}? It takes ${takes}`,
      );
    },
  };
}

function manualEntry(word: string, aliases: Aliases): string[] {
  return aliases.length === 0 ? [] : [`${word} = ${aliases.map((alias) => `\`${alias}\``).join(' ')}`];
}
