import { show } from '@shoal/core/internal/config/show';
import { eventTable } from '@shoal/core/internal/events/event-table';
import type { TestLog } from '../harness.js';
import { lastLines } from '../world/log-text.js';
import type { Claim } from './claim.js';
import type { ServerSubject, TraceLike } from './subject.js';
import { indented, surroundings } from './surroundings.js';

/** Which log lines count. */
export interface LoggedOptions {
  /** `info`, `warn`, `error` … */
  readonly level?: string;
  /** `master`, `manager`, `worker`, `taskWorker` …, or as the line has it. */
  readonly role?: string;
  readonly workerId?: number;
}

/** Which runs of handlers count. */
export interface HandledOptions {
  /** Exactly so many. Default: at least one. */
  readonly times?: number;
  /** `Chat.line`, or `on('receive')`. */
  readonly handler?: string;
  /** Default: both. */
  readonly outcome?: 'settled' | 'failed';
}

/** How log lines call the roles that are two words. */
const ROLE_LABELS: Readonly<Record<string, string>> = { taskWorker: 'task worker', userProcess: 'process' };
/** Log lines that test runners compare. */
const COMPARED_LINES = 20;
/** Log lines that nearly match. */
const SHOWN_LINES = 3;

/** That some process has written a line whose message has that text or matches. */
export function logged(server: ServerSubject, wanted: unknown, options: LoggedOptions): Claim {
  if (typeof wanted !== 'string' && !(wanted instanceof RegExp)) {
    throw new TypeError(`logged takes a string or a RegExp, and got ${show(wanted)}`);
  }
  const logs = server.logs();
  const saying = logs.filter(({ message }) => says(message, wanted));
  const found = saying.filter((log) => isFrom(log, options));
  const text = typeof wanted === 'string' ? JSON.stringify(wanted) : String(wanted);
  return {
    holds: found.length > 0,
    subject: 'the server',
    claim: `have logged ${text}${showOptions(options)}`,
    found: (negated) =>
      negated
        ? [', but it has:', ...showLines(found), ...surroundings(server)]
        : [', but it has not', ...nearMisses(saying), indented(lastLines(logs)), ...surroundings(server)],
    expected: wanted,
    actual: logs
      .slice(-COMPARED_LINES)
      .map(({ message }) => message)
      .join('\n'),
  };
}

/** That handlers of an event have run to their end: settled or failed. */
export function handled(
  server: ServerSubject,
  trace: readonly TraceLike[],
  event: unknown,
  options: HandledOptions,
): Claim {
  checkHandled(event, options);
  const { times, handler, outcome } = options;
  const runs = trace.filter(
    (each) => each.event === event && (handler === undefined || each.handler === handler),
  );
  const count = runs.filter(({ kind }) => (outcome === undefined ? isEnd(kind) : kind === outcome)).length;
  const pending =
    runs.filter(({ kind }) => kind === 'started').length - runs.filter(({ kind }) => isEnd(kind)).length;
  const which = `${String(event)}${handler === undefined ? '' : ` with ${handler}`}`;
  const how = outcome === 'failed' ? ' and failed' : outcome === 'settled' ? ' and settled' : '';
  return {
    holds: times === undefined ? count > 0 : count === times,
    subject: 'the server',
    claim: `have handled ${which}${how}${times === undefined ? '' : ` ${timesText(times)}`}`,
    found: () => [
      `, but it has ${timesText(count)}`,
      ...(pending > 0 ? [`${pending} more ${pending === 1 ? 'has' : 'have'} started and not ended`] : []),
      ...handledInstead(trace),
      ...surroundings(server),
    ],
    expected: times ?? 'at least one',
    actual: count,
  };
}

function says(message: string, wanted: string | RegExp): boolean {
  if (typeof wanted === 'string') return message.includes(wanted);
  return new RegExp(wanted.source, wanted.flags.replace(/[gy]/g, '')).test(message);
}

function isFrom(log: TestLog, { level, role, workerId }: LoggedOptions): boolean {
  return (
    (level === undefined || log.level === level) &&
    (role === undefined || log.role === (ROLE_LABELS[role] ?? role)) &&
    (workerId === undefined || log.workerId === workerId)
  );
}

function showOptions({ level, role, workerId }: LoggedOptions): string {
  const wanted = [
    ...(level === undefined ? [] : [`level ${level}`]),
    ...(role === undefined ? [] : [`role ${role}`]),
    ...(workerId === undefined ? [] : [`worker ${workerId}`]),
  ];
  return wanted.length === 0 ? '' : ` (${wanted.join(', ')})`;
}

function nearMisses(saying: readonly TestLog[]): readonly string[] {
  return saying.length === 0 ? [] : ['the text came from elsewhere:', ...showLines(saying)];
}

function showLines(logs: readonly TestLog[]): string[] {
  return logs.slice(0, SHOWN_LINES).map(({ level, role, workerId, message }) => {
    return `  ${role}${workerId === undefined ? '' : ` ${workerId}`} ${level}: ${message}`;
  });
}

function checkHandled(event: unknown, { times }: HandledOptions): void {
  const known = [...Object.keys(eventTable), 'tick'];
  if (typeof event !== 'string' || !known.includes(event)) {
    throw new TypeError(`handled knows no event ${show(event)}; there are ${known.join(', ')}`);
  }
  if (times === undefined || (Number.isInteger(times) && times >= 0)) return;
  throw new TypeError(`times of handled is ${show(times)}; it is a whole number from 0`);
}

/** What the trace has instead: `connect Chat.joined once, receive Chat.line 3 times`. */
function handledInstead(trace: readonly TraceLike[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { kind, event, handler } of trace) {
    if (!isEnd(kind) || event === undefined) continue;
    const label = handler === undefined ? event : `${event} ${handler}`;
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  if (counts.size === 0) return ['nothing was handled'];
  return [`handled were ${[...counts].map(([label, count]) => `${label} ${timesText(count)}`).join(', ')}`];
}

function isEnd(kind: string): boolean {
  return kind === 'settled' || kind === 'failed';
}

function timesText(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
