import type { TaskSummary } from '@shoal/core/internal/pipe/queued-tasks';
import { durationText, oneLine } from './amounts.js';
import { table, type Column } from './table.js';

const columns: readonly Column[] = [
  { title: 'id', align: 'right' },
  { title: 'task', align: 'left' },
  { title: 'state', align: 'left' },
  { title: 'for', align: 'left' },
  { title: 'age', align: 'right' },
  { title: 'attempts', align: 'right' },
  { title: 'bytes', align: 'right' },
  { title: 'key', align: 'left' },
  { title: 'reason', align: 'left' },
];

/** Of a key or a reason, so that a line stays one. */
const LONGEST_CELL = 100;

/** `now` is ms since the epoch. */
export function taskLines(tasks: readonly TaskSummary[], now: number): string[] {
  return table(
    columns,
    tasks.map((task) => {
      const { id, meta, target, acceptedAt, attempts, maxAttempts, bytes, dedupeKey = '', reason } = task;
      const { name } = meta;
      return [
        String(id),
        typeof name === 'string' ? cut(name) : '-',
        stateText(task, now),
        target === undefined ? 'any' : `task worker ${target}`,
        durationText(Math.max(0, now - acceptedAt)),
        `${attempts} of ${maxAttempts}`,
        String(bytes),
        cut(dedupeKey),
        reason === undefined ? '' : cut(`${reason.name}: ${reason.message}`),
      ];
    }),
  );
}

function stateText({ state, dueAt, diedAt }: TaskSummary, now: number): string {
  if (state === 'delayed' && dueAt !== undefined) return `due in ${durationText(Math.max(0, dueAt - now))}`;
  if (state === 'dead' && diedAt !== undefined) return `dead for ${durationText(Math.max(0, now - diedAt))}`;
  return state;
}

function cut(text: string): string {
  const line = oneLine(text);
  return line.length <= LONGEST_CELL ? line : `${line.slice(0, LONGEST_CELL)}…`;
}
