/** Shares and totals of lines, without processes. */
import { GrowingShare, type Share } from '@shoal/demo/share';
import { parseLine } from '@shoal/demo/statsd-line';
import { Totals } from '@shoal/demo/totals';

export function shareOf(lines: readonly string[], number = 1, sender = 'worker'): Share {
  const share = new GrowingShare();
  for (const line of lines) {
    const samples = parseLine(line);
    if (samples.length > 0) share.add(samples, line.length);
  }
  return share.sealed(sender, number);
}

export function totalsOf(...lines: readonly string[]): Totals {
  const totals = new Totals();
  totals.add(shareOf(lines));
  return totals;
}
