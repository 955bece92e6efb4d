/**
 * The part of the runs and seeds of a test that the suite plays. A test names as
 * many as are worth an hour by hand; the suite runs often, explorations have
 * other seeds every day, and half of them each time finds what it would find.
 * `SHOAL_BREADTH=1` plays all, 10 ten times as many.
 */
const BREADTH = Number(process.env['SHOAL_BREADTH'] ?? 0.5);

/** Whether that is everything, so that nothing is left out. */
export const everythingIsPlayed = BREADTH >= 1;

/** How many of so many are played: at least one. */
export function played(count: number): number {
  return Math.max(1, Math.ceil(count * BREADTH));
}
