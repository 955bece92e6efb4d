/** What the benchmarks take on their command lines, with errors that say what is wrong. */

export function positive(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  throw new Error(`--${name} takes a number above 0, not '${text}'`);
}

export function wholePositive(name: string, text: string): number {
  const value = positive(name, text);
  if (Number.isInteger(value)) return value;
  throw new Error(`--${name} takes a whole number, not ${text}`);
}

/** Those of `known` that a list such as `64B,16KiB` names, in the order of the list; all when there is none. */
export function chosen<Named extends { readonly name: string }>(
  names: string | undefined,
  known: readonly Named[],
  noun: string,
): readonly Named[] {
  if (names === undefined) return known;
  return names.split(',').map((name) => {
    const found = known.find((each) => each.name.toLowerCase() === name.trim().toLowerCase());
    if (found !== undefined) return found;
    throw new Error(`there is no ${noun} '${name}'; there are ${known.map((each) => each.name).join(', ')}`);
  });
}
