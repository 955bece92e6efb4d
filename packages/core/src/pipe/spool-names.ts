/**
 * Where files for large payloads lie, and what they are called: `w12-3.task` is
 * the third of the worker whose incarnation is 12, and `p4711-1.task` the first
 * of a process that has none, by its pid.
 */
import { basename, join } from 'node:path/posix';

const SUFFIX = '.task';

/** Beside the sockets, or in a directory of the same name where the operator wants it. */
export function spoolDirectoryOf(taskTmpdir: string | undefined, runtimeDirectory: string): string {
  return taskTmpdir === undefined
    ? runtimeDirectory
    : join(taskTmpdir, `${basename(runtimeDirectory)}.spool`);
}

export function spoolTag(incarnation: number, pid: number): string {
  return incarnation > 0 ? `w${incarnation}` : `p${pid}`;
}

export function spoolName(tag: string, number: number): string {
  return `${tag}-${number}${SUFFIX}`;
}

/** Whose file that is; undefined for what is no such file. */
export function spoolTagOf(name: string): string | undefined {
  if (!name.endsWith(SUFFIX)) return undefined;
  const end = name.indexOf('-');
  return end < 0 ? undefined : name.slice(0, end);
}
