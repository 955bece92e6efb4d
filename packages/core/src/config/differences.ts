import type { Settings } from './schema.js';

/**
 * Names the paths at which two settings differ, `listeners[0].port` for
 * example, in the order in which the settings have them: what needs a restart.
 */
export function differences(a: Settings, b: Settings): string[] {
  // Each worker asks when it boots, and they hardly ever differ.
  return same(a, b) ? [] : compare(a, b, '');
}

function same(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => same(item, b[index]));
  }
  if (isRecord(a) && isRecord(b)) {
    for (const key in a) if (!same(a[key], b[key])) return false;
    for (const key in b) if (!Object.hasOwn(a, key)) return false;
    return true;
  }
  return Object.is(a, b);
}

function compare(a: unknown, b: unknown, path: string): string[] {
  if (Array.isArray(a) && Array.isArray(b)) {
    const indexes = Array.from({ length: Math.max(a.length, b.length) }, (_, index) => index);
    return indexes.flatMap((index) => compare(a[index], b[index], `${path}[${index}]`));
  }
  if (isRecord(a) && isRecord(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].flatMap((key) => compare(a[key], b[key], path === '' ? key : `${path}.${key}`));
  }
  return Object.is(a, b) ? [] : [path];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
