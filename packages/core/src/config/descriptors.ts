import type { Settings } from './schema.js';

/** What the process that owns the sockets has open beside them: its own files, its threads, the pipes of others to it. */
type Owner = Pick<Settings, 'mode' | 'reactorNum' | 'workerNum' | 'taskWorkerNum'> & {
  readonly listeners: { readonly length: number };
};

const OWN_FILES = 64;
const FILES_OF_A_REACTOR = 8;
/** Manager, queue, user processes, and successors during a reload. */
const OTHER_PROCESSES = 8;

/** The most connections that fit beside the rest into so many open files of one process. At least 1. */
export function mostConnections(owner: Owner, openFiles: number): number {
  const { mode, reactorNum, workerNum, taskWorkerNum, listeners } = owner;
  // During a reload there are two of each.
  const pipes = 2 * (workerNum + taskWorkerNum + OTHER_PROCESSES);
  const reactors = mode === 'base' ? 1 : reactorNum;
  return Math.max(1, openFiles - OWN_FILES - reactors * (FILES_OF_A_REACTOR + pipes + listeners.length));
}

/** The settings with no more connections than fit into so many open files; undefined where they fit as they are. */
export function fitConnections(settings: Settings, openFiles: number | undefined): Settings | undefined {
  if (openFiles === undefined) return undefined;
  const maxConnection = mostConnections(settings, openFiles);
  return settings.maxConnection > maxConnection ? { ...settings, maxConnection } : undefined;
}
