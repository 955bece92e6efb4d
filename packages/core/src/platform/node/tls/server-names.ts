/** The entry for the name that a client asks for: that of exactly this name, else of `*.` and what follows its first label. */
export function entryFor<Entry>(
  entries: Readonly<Record<string, Entry>>,
  servername: string,
): Entry | undefined {
  const name = servername.toLowerCase();
  const wildcard = `*${name.slice(name.indexOf('.'))}`;
  if (Object.hasOwn(entries, name)) return entries[name];
  return name.includes('.') && Object.hasOwn(entries, wildcard) ? entries[wildcard] : undefined;
}
