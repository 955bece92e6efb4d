import { asBuffer, showBytes } from './shown-bytes.js';

/** Offset of the first byte in which they differ; undefined when they are equal. */
export function firstDifference(one: Uint8Array, other: Uint8Array): number | undefined {
  const shorter = Math.min(one.length, other.length);
  for (let at = 0; at < shorter; at++) if (one[at] !== other[at]) return at;
  return one.length === other.length ? undefined : shorter;
}

/** A sentence that points at the first byte in which they differ. */
export function explainDifference(came: Uint8Array, wanted: Uint8Array): string {
  const at = firstDifference(came, wanted) ?? came.length;
  const here = `the first difference is at byte ${at}`;
  if (at === wanted.length)
    return `${here}: nothing more was expected, and ${showBytes(came.subarray(at))} came`;
  const missing = showBytes(wanted.subarray(at));
  if (at === came.length) return `${here}: ${missing} was expected, and nothing more came`;
  return `${here}: ${missing} was expected, and ${showBytes(came.subarray(at))} came`;
}

/** The place in which most of `wanted`, from its beginning, has come. */
export function nearest(
  came: Uint8Array,
  wanted: Uint8Array,
): { readonly at: number; readonly size: number } {
  const buffer = asBuffer(came);
  // Where a part has come, each shorter one has come as well: so halving finds the longest.
  let known = { at: 0, size: 0 };
  let tooLong = wanted.length + 1;
  while (tooLong - known.size > 1) {
    const size = (known.size + tooLong) >> 1;
    const at = buffer.indexOf(wanted.subarray(0, size));
    if (at === -1) tooLong = size;
    else known = { at, size };
  }
  return known;
}

/** A sentence that points at where `wanted` has nearly come. */
export function explainAbsence(came: Uint8Array, wanted: Uint8Array): string {
  const { at, size } = nearest(came, wanted);
  if (size === 0) return 'not even its first byte came';
  const end = at + size;
  const start = `its beginning ${showBytes(wanted.subarray(0, size), size)} came at byte ${at}`;
  const missing = showBytes(wanted.subarray(size));
  if (end === came.length)
    return `${start}; the first difference is at byte ${end}: ${missing} is still missing`;
  return `${start}; the first difference is at byte ${end}: ${missing} was expected, and ${showBytes(came.subarray(end))} came`;
}
