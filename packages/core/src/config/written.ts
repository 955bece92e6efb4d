import type { Environment } from './fill.js';
import { isPemText } from './pem.js';
import { hashOf } from './text-hash.js';

/**
 * Settings as their user wrote them, in one text, and what their defaults
 * depend on besides. Equal texts make equal settings, so that a process which
 * only wants to know whether they have changed need not load the schema.
 *
 * Undefined for settings that hold anything but plain data: of a function or an
 * object of a class, nobody can tell whether another process has the same.
 *
 * @param version of the code that reads them, which knows the defaults
 */
export function writtenText(input: unknown, environment: Environment, version: string): string | undefined {
  const { cpus, name, directory } = environment;
  const parts = [version, cpus, name, directory, input].map((part) => textOf(part, 0));
  return parts.includes(undefined) ? undefined : parts.join('\n');
}

/** Settings are nothing like as deep; an object that contains itself is. */
const deepest = 8;

/** JSON, as far as it tells all values apart. */
function textOf(value: unknown, depth: number): string | undefined {
  switch (typeof value) {
    case 'undefined':
      return '-';
    case 'string':
      return isPemText(value) ? `pem ${hashOf(value)}` : JSON.stringify(value);
    case 'boolean':
      return JSON.stringify(value);
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? String(value) : undefined;
    case 'object':
      if (value === null) return 'null';
      return depth > deepest ? undefined : textOfObject(value, depth + 1);
    default:
      return undefined;
  }
}

function textOfObject(value: object, depth: number): string | undefined {
  const isArray = Array.isArray(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!isArray && prototype !== Object.prototype && prototype !== null) return undefined;
  const entries: string[] = [];
  for (const name of Object.getOwnPropertyNames(value)) {
    const item = (value as Readonly<Record<string, unknown>>)[name];
    // The text travels in the environment of processes, where no secret belongs.
    const text = name === 'passphrase' ? hashOf(String(item)) : textOf(item, depth);
    if (text === undefined) return undefined;
    entries.push(`${JSON.stringify(name)}:${text}`);
  }
  return isArray ? `[${entries.join()}]` : `{${entries.join()}}`;
}
