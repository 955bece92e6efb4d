import { isPemText } from './pem.js';
import { count } from './reader.js';

const longest = 40;

/**
 * A value as a message shows it. Long strings are cut, credentials in URLs are
 * left out, and of objects only the kind is told, because a message may end in
 * a log that more people read than the configuration.
 */
export function show(value: unknown): string {
  if (isPemText(value)) return `PEM text of ${count(value.length, 'character')}`;
  if (typeof value === 'string') return quote(value.replace(/\/\/[^/@\s]*@/, '//…@'));
  return showKind(value);
}

/** The same for options that we do not know: their text may be a password. */
export function showStranger(value: unknown): string {
  return typeof value === 'string' ? `a string of ${count(value.length, 'character')}` : showKind(value);
}

function showKind(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'bigint') return `${value}n`;
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : `an array of ${value.length}`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function quote(text: string): string {
  const shown = text.length > longest ? `${text.slice(0, longest - 8)}…` : text;
  const escaped = JSON.stringify(shown).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return text.length > longest ? `'${escaped}' (${count(text.length, 'character')})` : `'${escaped}'`;
}
