import { fork, type ChildProcess } from 'node:child_process';
import { isMainThread } from 'node:worker_threads';
import { ConfigError, ProcessError } from '../../errors.js';
import type { Child, LogWriter, Message, ProcessIdentity, Processes } from '../platform.js';
import { assignmentVariable, titleArgument } from './assignment.js';
import { FailedChild, NodeChild } from './child.js';
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
          execArgv: [...process.execArgv, ...inspectorArguments(), titleArgument(title)],
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

/** There is no file to run again behind `node -e`, the prompt and standard input. */
function programPath(): string {
  const path = process.argv[1];
  const evaluated = process.execArgv.some((argument) =>
    /^(-e|-p|-pe|-i|--eval|--print|--interactive)(=|$)/.test(argument),
  );
  if (path !== undefined && path !== '-' && !evaluated) return path;
  throw new ConfigError(
    'CONFIG_PLATFORM',
    'the server starts further processes from the file of the program, and there is none: put the program into a file and run it with `node file.js`',
  );
}

/** The debugger's port is taken by the process that was started with it; the others take a free one each. */
function inspectorArguments(): string[] {
  return process.execArgv.some((argument) => argument.startsWith('--inspect')) ? ['--inspect-port=0'] : [];
}
