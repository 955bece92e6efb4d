import { parse } from 'node:path';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import type { Link, Message, Self, SignalName } from '../platform.js';
import { readAssignment } from './assignment.js';
import { watchBlocks } from './block-watch.js';
import { countCpus } from './cpus.js';
import { IpcLink, type IpcChannel } from './ipc-link.js';
import { PortLink } from './port-link.js';
import type { ThreadData } from './threads.js';

/** The process, or inside a reactor thread the thread: there `exit` ends the thread alone, and its starter hears of it. */
class NodeSelf implements Self {
  readonly pid = process.pid;

  constructor(
    public title: string,
    readonly program: string,
    readonly assignment: Message | undefined,
    readonly parent: Link | undefined,
  ) {}

  get cpus(): number {
    return countCpus();
  }

  /** A thread has no title of its own. */
  setTitle(title: string): void {
    if (!isMainThread) return;
    this.title = title;
    process.title = title;
  }

  /** Signals reach the main thread only. */
  onSignal(signal: SignalName, run: () => void): void {
    process.on(signal, () => run());
  }

  onUncaught(run: (error: unknown, origin: 'uncaughtException' | 'unhandledRejection') => void): void {
    process.on('uncaughtException', (error, origin) => run(error, origin));
    // Node would turn the reason into an exception, and hide one that is not an Error behind its own.
    process.on('unhandledRejection', (reason) => run(reason, 'unhandledRejection'));
  }

  /** A thread is not watched: it runs nothing of the application but custom framing. */
  traceBlocks(afterMs: number, path: string): void {
    if (isMainThread) watchBlocks(afterMs, path);
  }

  /**
   * Messages that the system has taken arrive. It takes them at once until a
   * hundred or so wait for a parent that does not read; those beyond are lost.
   */
  exit(code: number): void {
    process.exit(code);
  }
}

export function mainSelf(): Self {
  const assignment = readAssignment();
  // A started process may have a channel too, to whoever forked it: that is none of ours.
  const parent = assignment === undefined ? undefined : new IpcLink(process as IpcChannel);
  return new NodeSelf(process.title, programName(), assignment, parent);
}

export function threadSelf(): Self {
  if (parentPort === null) throw new Error('a thread platform is made inside a reactor thread');
  const { assignment, program, name } = workerData as ThreadData;
  const parent = new PortLink(parentPort);
  parentPort.once('close', () => parent.end());
  return new NodeSelf(name, program, assignment, parent);
}

/** `main` for `/srv/chat/dist/main.js`. */
export function programName(): string {
  return parse(process.argv[1] ?? process.execPath).name;
}
