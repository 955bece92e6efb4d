import type { Snapshot } from './totals.js';

/**
 * All totals at one moment. A keeper numbers its rollups from 1; keepers are
 * numbered by the time at which they began, so that no two are alike.
 */
export interface Rollup {
  readonly keeper: number;
  readonly number: number;
  /** ISO 8601. */
  readonly time: string;
  readonly totals: Snapshot;
}

/** Whether it comes after another one: a later keeper goes before an earlier one, whatever that has still under way. */
export function isAfter(rollup: Rollup, other: Rollup): boolean {
  return rollup.keeper > other.keeper || (rollup.keeper === other.keeper && rollup.number > other.number);
}
