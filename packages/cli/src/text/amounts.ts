/** Amounts as a person reads them. */

const units: readonly (readonly [unit: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
];

/** The two largest units: 1d 4h, 3m 0s, 250ms. */
export function durationText(ms: number): string {
  const first = units.findIndex(([, length]) => ms >= length);
  if (first === -1) return `${Math.round(ms)}ms`;
  const [unit, length] = units[first]!;
  const whole = `${Math.floor(ms / length)}${unit}`;
  const next = units[first + 1];
  return next === undefined ? whole : `${whole} ${Math.floor((ms % length) / next[1])}${next[0]}`;
}

export function memoryText(bytes: number): string {
  const mebibytes = bytes / 1024 / 1024;
  if (mebibytes >= 1024) return `${(mebibytes / 1024).toFixed(1)} GiB`;
  return mebibytes >= 10 ? `${Math.round(mebibytes)} MiB` : `${mebibytes.toFixed(1)} MiB`;
}

export function rateText(perSecond: number): string {
  return perSecond >= 100 || Number.isInteger(perSecond)
    ? String(Math.round(perSecond))
    : perSecond.toFixed(1);
}

/** One line that steers no terminal, whatever a process has put into it. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
}
