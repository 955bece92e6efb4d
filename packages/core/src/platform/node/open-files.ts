import { readFileSync } from 'node:fs';

/**
 * How many files this process may have open: the soft limit, which Node raises to
 * the hard one when it starts. Linux tells; elsewhere it is undefined.
 */
export function openFilesLimit(path = '/proc/self/limits'): number | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
  const word = /^Max open files +(\d+|unlimited)/m.exec(text)?.[1];
  if (word === undefined) return undefined;
  return word === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(word);
}
