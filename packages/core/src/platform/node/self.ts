import { parse } from 'node:path';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import type { Cpus, Invocation, Link, Message, Self, SignalName, Vitals } from '../platform.js';
import { readAssignment } from './assignment.js';
import { watchBlocks } from './block-watch.js';
import { countCpus } from './cpus.js';
import { daemonize, tellStarter } from './daemon.js';
import { endEarlyDeath } from './early-death.js';
import { IpcLink, type IpcChannel } from './ipc-link.js';
import { openFilesLimit } from './open-files.js';
import { readOutsideSettings } from './outside-settings.js';
import { PortLink } from './port-link.js';
import type { ThreadData } from './threads.js';
import type { FutureUser } from './user.js';
import { ProcessVitals } from './vitals.js';

/** The process, or inside a reactor thread the thread: there `exit` ends the thread alone, and its starter hears of it. */
class NodeSelf implements Self {
  readonly pid = process.pid;
  readonly #vitals = new ProcessVitals();
  readonly invocation = invocation();

  constructor(
    public title: string,
    readonly program: string,
    readonly assignment: Message | undefined,
    readonly parent: Link | undefined,
    private readonly user: FutureUser,
  ) {}

  get cpus(): Cpus {
    return countCpus();
  }

  get openFiles(): number | undefined {
    return openFilesLimit();
  }

  daemonize(output: string | undefined): Promise<void> {
    return daemonize(output, (open) => this.user.act(open));
  }

  prepareUser(user: string, group: string | undefined): void {
    this.user.prepare(user, group);
  }

  becomeUser(): void {
    this.user.become();
  }

  started(): void {
    tellStarter({ started: true });
  }

  get outsideSettings(): object {
    return readOutsideSettings();
  }

  get directory(): string {
    return process.cwd();
  }

  /** A thread has no title of its own. */
  setTitle(title: string): void {
    if (!isMainThread) return;
    this.title = title;
    process.title = title;
  }

  vitals(): Vitals {
    return this.#vitals.read();
  }

  /** Signals reach the main thread only. */
  onSignal(signal: SignalName, run: () => void): void {
    process.on(signal, () => run());
  }

  onUncaught(run: (error: unknown, origin: 'uncaughtException' | 'unhandledRejection') => void): void {
    endEarlyDeath();
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

export function mainSelf(user: FutureUser): Self {
  const assignment = readAssignment();
  // A started process may have a channel too, to whoever forked it: that is none of ours.
  const parent = assignment === undefined ? undefined : new IpcLink(process as IpcChannel);
  return new NodeSelf(process.title, programName(), assignment, parent, user);
}

export function threadSelf(user: FutureUser): Self {
  if (parentPort === null) throw new Error('a thread platform is made inside a reactor thread');
  const { assignment, program, name } = workerData as ThreadData;
  const parent = new PortLink(parentPort);
  parentPort.once('close', () => parent.end());
  return new NodeSelf(name, program, assignment, parent, user);
}

/** `main` for `/srv/chat/dist/main.js`. */
export function programName(): string {
  return parse(process.argv[1] ?? process.execPath).name;
}

function invocation(): Invocation {
  const { execPath, execArgv, argv } = process;
  const settings = process.env['SHOAL_SETTINGS'];
  return {
    execPath,
    execArgv: [...execArgv],
    argv: argv.slice(1),
    cwd: workingDirectory(),
    ...(settings !== undefined && { settings }),
  };
}

/** Somebody may have removed it. */
function workingDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return '/';
  }
}
