import type { WireError } from '@shoal/core/internal/errors';
import type { ReloadProgress, ReloadReport } from '@shoal/core/internal/pipe/questions';
import { durationText, oneLine } from './amounts.js';

const steps: Readonly<Record<ReloadProgress['step'], string>> = {
  canary: 'started as the canary',
  baking: 'is ready, and watched',
  accepted: 'is accepted: the others follow',
  starting: 'starting',
  serving: 'serves, its predecessor finishes',
  retired: 'old one has left',
  failed: 'failed',
};

/** One line for a step, as it happens. */
export function progressText({ step, workerId, pid, text }: ReloadProgress): string {
  // A step of a later version is shown by its name.
  const what = steps[step] ?? step;
  return oneLine(`worker ${workerId}, pid ${pid}: ${what}${text === undefined ? '' : `: ${text}`}`);
}

/** How it ended, in sentences; the failing worker's own stack last. */
export function reportLines(report: ReloadReport): string[] {
  return [outcomeText(report), ...restartLines(report), ...certificateLines(report), ...failureLines(report)];
}

function outcomeText({ outcome, generation, replaced, duration }: ReloadReport): string {
  const time = durationText(duration);
  switch (outcome) {
    case 'accepted':
      return `the new code was accepted after ${time}: the workers of generation ${generation} take over one by one`;
    case 'done':
      return `reloaded in ${time}: generation ${generation} serves, ${workers(replaced.length)} replaced`;
    case 'rolledBack':
      return `rolled back after ${time}: the new code does not run, and the workers of before serve untouched`;
    case 'halted':
      return `halted half-way after ${time}: ${replaced.length === 0 ? 'no worker is' : `workers ${replaced.join(', ')} are`} new, the others are of before`;
    case 'stopping':
      return 'the server was stopped during the reload';
  }
}

function restartLines({ needRestart }: ReloadReport): string[] {
  if (needRestart.length === 0) return [];
  return [
    'these have changed on disk and need a restart:',
    ...needRestart.map((each) => `  ${oneLine(each)}`),
  ];
}

function certificateLines({ certificateProblems = [] }: ReloadReport): string[] {
  if (certificateProblems.length === 0) return [];
  return [
    'the certificates of before stay, for something is wrong with those on disk:',
    ...certificateProblems.map((each) => `  ${oneLine(each)}`),
  ];
}

function failureLines({ failure }: ReloadReport): string[] {
  if (failure === undefined) return [];
  const { workerId, reason, error } = failure;
  return [
    `worker ${workerId} failed: ${oneLine(reason)}`,
    ...(error === undefined ? [] : errorLines(error, '')),
  ];
}

function errorLines(error: WireError, prefix: string): string[] {
  const text = error.stack ?? `${error.name}: ${error.message}`;
  const lines = text.split('\n').map((line) => line.replaceAll(/\p{Cc}/gu, ' ').trimEnd());
  const [first = '', ...rest] = lines;
  const cause = error.cause === undefined ? [] : errorLines(error.cause, 'caused by ');
  return [`${prefix}${first}`, ...rest, ...cause];
}

function workers(count: number): string {
  return count === 1 ? '1 worker was' : `${count} workers were`;
}
