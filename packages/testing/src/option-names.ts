/** Refuses options that nobody reads. Throws an `Error` that names those there are. */
export function checkNames(what: string, options: object, known: readonly string[]): void {
  const stranger = Object.keys(options).find((name) => !known.includes(name));
  if (stranger === undefined) return;
  throw new Error(`${what} has no option '${stranger}'; it has ${[...known].sort().join(', ')}`);
}
