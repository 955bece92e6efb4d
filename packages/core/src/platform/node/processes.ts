import { fork, type ChildProcess } from 'node:child_process';
import { isMainThread } from 'node:worker_threads';
import { ProcessError } from '../../errors.js';
import type { Child, LogWriter, Message, ProcessIdentity, Processes } from '../platform.js';
import { assignmentVariable, earlyDeathArgument, titleArgument } from './assignment.js';
import { FailedChild, NodeChild } from './child.js';
import { programPath } from './program-path.js';
import { identify, titleOf } from './process-identity.js';

/** Starts processes by running the user's program again, and names those that live. */
export class NodeProcesses implements Processes {
  constructor(private readonly log: LogWriter) {}

  /**
   * A process that the system refuses to start (too many, no memory) comes back
   * as a child with pid 0, whose exit has neither code nor signal; the reason is
   * logged.
   */
  spawn(assignment: Message, title: string): Child {
    if (!isMainThread) throw new ProcessError('NOT_IN_THIS_ROLE', 'a reactor thread starts no processes');
    const program = programPath();
    try {
      return this.#watch(
        fork(program, process.argv.slice(2), {
          execArgv: [...process.execArgv, ...inspectorArguments(), earlyDeathArgument, titleArgument(title)],
          env: { MALLOC_TRIM_THRESHOLD_: heapToKeep, ...process.env, ...assignmentVariable(assignment) },
          stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
          serialization: 'json',
        }),
        title,
      );
    } catch (error) {
      this.#report(`cannot start ${title}`, error);
      return new FailedChild();
    }
  }

  identify(pid: number): ProcessIdentity | undefined {
    return identify(pid);
  }

  isServer(pid: number): boolean {
    return identify(pid) !== undefined && titleOf(pid).startsWith('shoal ');
  }

  kill({ pid, startedAt }: ProcessIdentity, signal: 'SIGKILL' | 'SIGTERM'): boolean {
    if (identify(pid)?.startedAt !== startedAt) return false;
    try {
      return process.kill(pid, signal);
    } catch {
      return false;
    }
  }

  #watch(child: ChildProcess, title: string): Child {
    const { pid } = child;
    child.on('error', (error) =>
      this.#report(pid === undefined ? `cannot start ${title}` : `cannot reach ${title}`, error),
    );
    if (pid !== undefined) return new NodeChild(child, pid);
    if (child.connected) child.disconnect();
    return new FailedChild();
  }

  #report(what: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.log.write({ level: 'error', role: 'platform', message: `${what}: ${reason}`, fields: { error } });
  }
}

/**
 * glibc returns heap to the system and takes it again under large reads, which
 * halves the throughput; above this many bytes it may do so, below it keeps.
 */
const heapToKeep = String(256 * 1024 * 1024);

/** The debugger's port is taken by the process that was started with it; the others take a free one each. */
function inspectorArguments(): string[] {
  return process.execArgv.some((argument) => argument.startsWith('--inspect')) ? ['--inspect-port=0'] : [];
}
