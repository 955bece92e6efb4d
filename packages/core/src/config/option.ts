import { z } from 'zod';
import { group, Refusal, type Reader } from './reader.js';
import { sizeInWords } from './size.js';

/** How one option is declared: how it is read, its default, and what the manual tells about it. */

/** What the manual tells about an option. */
export interface Facts {
  readonly type: string;
  /** As a user would write it, or in words. */
  readonly default: string;
  readonly range: string;
  readonly sentence: string;
}

export const facts = z.registry<Facts>();

interface Optional {
  readonly default: string;
  readonly sentence: string;
}

/** Params of the issue that a refused value leaves. */
export interface RefusalParams {
  readonly reason: string;
  readonly remedy: string;
}

function valueOf<Input, Output>(reader: Reader<Input, Output>): z.ZodType<Output, Input> {
  return z.custom<Input>().transform((value, context): Output => {
    const result =
      value === undefined ? new Refusal('was given', `write ${reader.takes}`) : reader.read(value);
    if (!(result instanceof Refusal)) return result;
    const { reason, remedy } = result;
    const params: RefusalParams = { reason, remedy };
    context.addIssue({ code: 'custom', message: `${reason}; ${remedy}`, params: { ...params } });
    return z.NEVER;
  });
}

export function required<Input, Output>(reader: Reader<Input, Output>, sentence: string) {
  const { type, range } = reader;
  return valueOf(reader).register(facts, { type, range, default: 'required', sentence });
}

export function option<Input, Output extends string | number | boolean>(
  reader: Reader<Input, Output>,
  about: { readonly default: Output; readonly shown?: string; readonly sentence: string },
) {
  const { type, range } = reader;
  const shown = about.shown ?? asCode(about.default);
  return valueOf(reader)
    .default(about.default as z.core.util.NoUndefined<Output>)
    .register(facts, { type, range, default: shown, sentence: about.sentence });
}

/** The default is filled in later, or there is none. */
export function optional<Input, Output>(reader: Reader<Input, Output>, about: Optional) {
  const { type, range } = reader;
  return valueOf(reader)
    .optional()
    .register(facts, { type, range, ...about });
}

export function asCode(value: string | number | boolean): string {
  return typeof value === 'number' ? `\`${group(value)}\`` : `\`${quoted(value)}\``;
}

function quoted(value: string | boolean): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

/** A size as the user would write it: `'2MiB'`. */
export function asSize(value: number): string {
  return asCode(sizeInWords(value).replace(' ', ''));
}

/** The word that tells one of several shapes from the others. */
export function kind<const Name extends string>(name: Name, sentence: string): z.ZodLiteral<Name> {
  const literal: z.ZodLiteral<Name> = z.literal(name);
  facts.add(literal, { type: asCode(name), range: '', default: 'required', sentence });
  return literal;
}
