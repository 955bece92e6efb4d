/**
 * The part of the runs and seeds of a test that the suite plays. The suite runs
 * often and explorations have other seeds every day, so a third of them each time
 * finds in the end what all would find. `SHOAL_BREADTH=1` plays all, 10 ten times
 * as many.
 */
const BREADTH = Number(process.env['SHOAL_BREADTH'] ?? 1 / 3);

/** Whether that is everything, so that nothing is left out. */
export const everythingIsPlayed = BREADTH >= 1;

/** How many of so many are played: at least one. */
export function played(count: number): number {
  return Math.max(1, Math.ceil(count * BREADTH));
}
