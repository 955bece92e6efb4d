/**
 * Finds a part of `items` that still fails, from which no single item can be
 * left out (ddmin: halves first, then ever smaller pieces). Stops early, with
 * the best so far, after `budget` tries.
 */
export async function shrink<T>(
  items: readonly T[],
  fails: (subset: readonly T[]) => Promise<boolean>,
  budget: number,
): Promise<readonly T[]> {
  let current = items;
  let tries = 0;
  const stillFails = async (subset: readonly T[]): Promise<boolean> => tries++ < budget && fails(subset);
  if (current.length > 0 && (await stillFails([]))) return [];
  let pieces = 2;
  while (current.length >= 2) {
    const size = Math.ceil(current.length / pieces);
    let smaller: readonly T[] | undefined;
    for (let at = 0; at < current.length && smaller === undefined; at += size) {
      const rest = [...current.slice(0, at), ...current.slice(at + size)];
      if (await stillFails(rest)) smaller = rest;
    }
    if (smaller !== undefined) {
      current = smaller;
      pieces = Math.max(2, pieces - 1);
    } else if (size === 1) {
      return current;
    } else {
      pieces = Math.min(current.length, pieces * 2);
    }
  }
  return current;
}
