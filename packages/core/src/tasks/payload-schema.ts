import type { PayloadSchema, SchemaIssue } from '../definition.js';
import { TaskError } from '../errors.js';

/** So many of what is wrong are told. */
const MAX_ISSUES = 10;

/** The value as the schema makes it. Rejects with `TaskError` when it does not fit, naming each place. */
export async function checked(
  schema: PayloadSchema,
  value: unknown,
  code: 'TASK_INPUT_INVALID' | 'TASK_OUTPUT_INVALID',
  name: string,
): Promise<unknown> {
  const result = await schema['~standard'].validate(value);
  if (result.issues === undefined) return result.value;
  const what = code === 'TASK_INPUT_INVALID' ? 'the input' : 'the result';
  const shown = result.issues.slice(0, MAX_ISSUES).map(issueText);
  const more = result.issues.length - shown.length;
  const list = more > 0 ? [...shown, `and ${more} more`] : shown;
  throw new TaskError(code, `${what} of task '${name}' does not fit its schema: ${list.join('; ')}`);
}

function issueText({ path = [], message }: SchemaIssue): string {
  const place = path.map((step) => String(typeof step === 'object' ? step.key : step)).join('.');
  return place === '' ? message : `${place}: ${message}`;
}
