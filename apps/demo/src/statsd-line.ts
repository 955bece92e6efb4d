/**
 * Reads one line of the StatsD protocol: a name, then one value or several.
 *
 *     hits:1|c           hits:1|c|@0.1      a counter; only one in ten was sent
 *     load:5|g           load:+3|g          a gauge; a sign moves it
 *     answer:320|ms      answer:320|h       a timer
 *     visitors:anna|s                       a set
 *     hits:1|c:2|c                          two values of one metric
 *     hits:1|c|#env:prod                    tags are accepted and ignored
 *
 * Pure: what makes no sense comes out as `undefined`, never as an exception.
 */
export type Sample = { readonly name: string } & (
  | { readonly kind: 'counter'; readonly amount: number }
  | { readonly kind: 'gauge'; readonly value: number; readonly relative: boolean }
  | { readonly kind: 'timer'; readonly ms: number }
  | { readonly kind: 'set'; readonly member: string }
);

/** Numbers beyond it are malformed, so that sums stay finite and JSON can write them. */
const LARGEST = 1e100;

/** One entry for each value of the line, `undefined` where it is malformed; none for a blank line. */
export function parseLine(line: string): readonly (Sample | undefined)[] {
  if (line.trim() === '') return [];
  const [bare = ''] = line.split('|#', 1);
  const [key = '', ...values] = bare.split(':');
  const name = sanitize(key);
  if (name === '' || values.length === 0) return [undefined];
  return values.map((value) => parseValue(name, value));
}

function parseValue(name: string, text: string): Sample | undefined {
  const [value = '', type, sampling = '@1'] = text.split('|').map((field) => field.trim());
  const number = toNumber(value);
  const rate = sampling.startsWith('@') ? toNumber(sampling.slice(1)) : undefined;
  if (rate === undefined || rate <= 0) return undefined;
  if (type === 's') return { kind: 'set', name, member: value === '' ? '0' : value };
  if (number === undefined || Math.abs(number / rate) > LARGEST) return undefined;
  switch (type) {
    case 'c':
      return { kind: 'counter', name, amount: number / rate };
    case 'g':
      return { kind: 'gauge', name, value: number, relative: /^[+-]/.test(value) };
    case 'ms':
    case 'h':
      return { kind: 'timer', name, ms: number };
    default:
      return undefined;
  }
}

/** The characters that Graphite takes in a name. */
function sanitize(name: string): string {
  return name
    .replaceAll(/\s+/g, '_')
    .replaceAll('/', '-')
    .replaceAll(/[^\w.-]/g, '');
}

function toNumber(text: string): number | undefined {
  const number = text === '' ? NaN : Number(text);
  return Math.abs(number) <= LARGEST ? number : undefined;
}
