import { group, Refusal, type Reader } from './reader.js';

/** Milliseconds, or a number with its unit: `60_000`, `'60s'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h'}`;

const milliseconds: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** The longest delay that a timer takes, in ms: a little less than 25 days. */
export const longestDuration = 2 ** 31 - 1;

/**
 * Reads a duration in ms. The minimum is what catches seconds written by habit:
 * 60 is refused as 60 ms, with the two ways to write a minute.
 */
export function duration(minimum: number, zero?: 'zeroIsOff'): Reader<Duration, number> {
  const off = zero === undefined ? '' : ', or 0 to turn it off';
  return {
    type: 'duration',
    range: `ms, ${group(minimum)} to ${group(longestDuration)}${zero === undefined ? '' : '; 0 is off'}`,
    takes: `a duration of at least ${group(minimum)} ms${off}`,
    read(value) {
      const ms = toMilliseconds(value);
      if (ms === undefined) {
        return new Refusal(
          'is not a duration',
          "write milliseconds as a number, or a string such as '500ms', '60s', '5m' or '1h'",
        );
      }
      if (ms === 0 && zero === 'zeroIsOff') return 0;
      if (ms < minimum) {
        return new Refusal(
          `is ${ms} ms, the minimum is ${group(minimum)} ms`,
          typeof value === 'number' && meantSeconds(value, minimum)
            ? inSeconds(value)
            : `write ${group(minimum)} or more${off}`,
        );
      }
      if (ms > longestDuration) {
        const most = group(longestDuration);
        return new Refusal(`is above the maximum of ${most} ms, the longest timer`, `write ${most} or less`);
      }
      if (!Number.isInteger(ms)) {
        return new Refusal('is not a whole number of milliseconds', `write ${group(Math.round(ms))}`);
      }
      return ms;
    },
  };
}

function toMilliseconds(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(value);
  const unit = milliseconds[match?.[2] ?? ''];
  if (match === null || unit === undefined) return undefined;
  return withoutRoundingError(Number(match[1]) * unit);
}

/** 1.005 × 1000 is 1004.9999999999999 in binary; nobody who writes '1.005s' means that. */
function withoutRoundingError(value: number): number {
  const whole = Math.round(value);
  return Math.abs(value - whole) < 1e-6 ? whole : value;
}

function meantSeconds(value: number, minimum: number): boolean {
  return value > 0 && value * 1_000 >= minimum && Number.isInteger(withoutRoundingError(value * 1_000));
}

function inSeconds(value: number): string {
  const ms = group(withoutRoundingError(value * 1_000));
  return `for ${value} second${value === 1 ? '' : 's'} write ${ms} or '${value}s'`;
}
