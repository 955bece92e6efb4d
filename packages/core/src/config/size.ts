import { group, Refusal, type Reader } from './reader.js';

/** Bytes, or a number with a binary unit: `65_536`, `'64KiB'`. */
export type Size = number | `${number}${'KiB' | 'MiB' | 'GiB'}`;

export const KiB = 1024;
export const MiB = 1024 * KiB;
export const GiB = 1024 * MiB;

const bytes: Readonly<Record<string, number>> = { KiB, MiB, GiB };

/** Reads a size in bytes. Decimal units are refused, because half of those who write 'MB' mean 'MiB'. */
export function size(minimum: number, maximum: number, zero?: 'zeroIsOff'): Reader<Size, number> {
  const off = zero === undefined ? '' : ', or 0 to turn it off';
  const takes = `a size from ${sizeInWords(minimum)} to ${sizeInWords(maximum)}${off}`;
  return {
    type: 'size',
    range: `bytes, ${sizeInWords(minimum)} to ${sizeInWords(maximum)}${zero === undefined ? '' : '; 0 is off'}`,
    takes,
    read(value) {
      const amount = toBytes(value);
      if (amount === undefined) return new Refusal('is not a size', otherUnit(value));
      if (amount === 0 && zero === 'zeroIsOff') return 0;
      if (amount < minimum) {
        return new Refusal(`is below the minimum of ${sizeInWords(minimum)}`, `write ${takes}`);
      }
      if (amount > maximum) {
        return new Refusal(`is above the maximum of ${sizeInWords(maximum)}`, `write ${takes}`);
      }
      if (!Number.isInteger(amount)) {
        return new Refusal('is not a whole number of bytes', `write ${group(Math.round(amount))}`);
      }
      return amount;
    },
  };
}

/** '2 MiB' where it comes out even, '65_537 bytes' where it does not. */
export function sizeInWords(value: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB']) {
    const factor = bytes[unit] ?? 1;
    if (value > 0 && value % factor === 0) return `${group(value / factor)} ${unit}`;
  }
  return `${group(value)} byte${value === 1 ? '' : 's'}`;
}

function toBytes(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const match = /^(\d+(?:\.\d+)?)([KMG]iB)$/.exec(value);
  return match === null ? undefined : Number(match[1]) * (bytes[match[2] ?? ''] ?? 1);
}

function otherUnit(value: unknown): string {
  const match = typeof value === 'string' ? /^(\d+) ?([KMG])i?B?$/i.exec(value) : null;
  if (match === null) return "write bytes as a number, or a string such as '64KiB', '2MiB' or '1GiB'";
  const [, digits = '', letter = ''] = match;
  const power = ' KMG'.indexOf(letter.toUpperCase());
  return `write '${digits}${letter.toUpperCase()}iB', or ${group(Number(digits) * 1_000 ** power)} for the decimal unit`;
}
