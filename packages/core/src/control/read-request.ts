/** Reads what a client of the control socket has sent: nothing in it is believed. */
import { ProcessError } from '../errors.js';
import type { Question } from '../pipe/questions.js';

/** What a line of a client asks, before it is known whether there is such a question. */
export interface RawRequest {
  readonly id: number;
  readonly question: Readonly<Record<string, unknown>> & { readonly what: string };
}

/** The longest page of connections. */
export const longestPage = 1_000;

type Fields = Readonly<Record<string, Check>>;

interface Check {
  readonly takes: string;
  readonly holds: (value: unknown) => boolean;
}

const wholeNumber: Check = {
  takes: 'a whole number, 0 or more',
  holds: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
};

/** What each question carries. Commands are for processes of the server alone. */
const fieldsOf: Readonly<Record<Exclude<Question['what'], 'command'>, Fields>> = {
  stats: {},
  status: {},
  clientInfo: { id: wholeNumber },
  connections: {
    after: {
      takes: 'a whole number, -1 or more',
      holds: (value) => Number.isSafeInteger(value) && (value as number) >= -1,
    },
    limit: {
      takes: `a whole number from 1 to ${longestPage}`,
      holds: (value) => wholeNumber.holds(value) && value !== 0 && (value as number) <= longestPage,
    },
  },
  reload: { only: oneOf(undefined, 'taskWorker'), until: oneOf(undefined, 'accepted', 'done') },
  stopWorker: { workerId: wholeNumber },
  shutdown: {},
  reopenLogs: {},
};

/** undefined for a line that is no request. */
export function readRequest(line: string): RawRequest | undefined {
  const request = parse(line);
  if (!isRecord(request) || !Number.isSafeInteger(request['id'])) return undefined;
  const question = request['question'];
  if (!isRecord(question) || typeof question['what'] !== 'string') return undefined;
  return request as unknown as RawRequest;
}

/** Throws `ProcessError` ASK_UNKNOWN for a question that there is not, or that lacks what it needs. */
export function readQuestion({ what, ...given }: RawRequest['question']): Question {
  if (!Object.hasOwn(fieldsOf, what)) {
    const known = Object.keys(fieldsOf).join(', ');
    throw new ProcessError('ASK_UNKNOWN', `there is no question ${quote(what)}; the questions are ${known}`);
  }
  const fields = fieldsOf[what as keyof typeof fieldsOf];
  for (const [name, { takes, holds }] of Object.entries(fields)) {
    if (holds(given[name])) continue;
    throw new ProcessError(
      'ASK_UNKNOWN',
      `the question ${what} takes ${takes} as ${name}, not ${quote(given[name])}`,
    );
  }
  const names = Object.keys(fields).filter((name) => given[name] !== undefined);
  return { what, ...Object.fromEntries(names.map((name) => [name, given[name]])) } as unknown as Question;
}

function oneOf(...values: readonly unknown[]): Check {
  return {
    takes: values.map((value) => (value === undefined ? 'nothing' : quote(value))).join(' or '),
    holds: (value) => values.includes(value),
  };
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}
