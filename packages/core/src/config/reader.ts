/** Why a value is refused, and what to write instead: "is 60 ms, …" and "for 60 seconds write …". */
export class Refusal {
  constructor(
    /** Continues a sentence that begins with the value. */
    readonly reason: string,
    /** A sentence of its own, without the full stop. */
    readonly remedy: string,
  ) {}
}

/**
 * Reads the value of one option. The schema makes a zod type of it, and the
 * manual a row; it never sees `undefined`, for which the schema has the default.
 */
export interface Reader<Input, Output> {
  /** For the manual: the type, as a user would write it. */
  readonly type: string;
  /** For the manual: unit and limits. */
  readonly range: string;
  /** For remedies: "an integer from 1 to 64". */
  readonly takes: string;
  read(value: unknown): Output | Refusal;
  /** Never set: it carries the type of what a user may write. */
  readonly input?: Input;
}

/** A whole number as this project writes them: 1000, 60_000. */
export function group(value: number): string {
  if (!Number.isInteger(value) || Math.abs(value) < 10_000) return String(value);
  return String(value).replace(/\B(?=(\d{3})+$)/g, '_');
}

/** "1 byte", "2 bytes". */
export function count(amount: number, noun: string): string {
  return `${group(amount)} ${noun}${amount === 1 ? '' : 's'}`;
}

/** "a, b or c" */
export function alternatives(items: readonly string[]): string {
  const last = items.at(-1) ?? '';
  return items.length < 2 ? last : `${items.slice(0, -1).join(', ')} or ${last}`;
}
