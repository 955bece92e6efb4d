import { fork, type ChildProcess } from 'node:child_process';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fromWire } from '@shoal/core/internal/errors';
import type { Exit } from '@shoal/core/internal/platform/platform';
import type { RunningInfo, TestLog } from './harness.js';
import type { FromLaunched, LaunchPlan, ToLaunched, Wanted } from './launch-messages.js';
import { LogLines } from './log-lines.js';
import { ProcessGroup } from './process-group.js';
import { RealWaiting } from './real-waiting.js';
import { Reaper } from './reaper.js';
import type { LaunchedTrace } from './trace/launched-trace.js';
import { lastEvents } from './trace/trace-text.js';
import { lastLines } from './world/log-text.js';

const START_PATIENCE = 15_000;
/** ms in which the last output comes after the exit. */
const OUTPUT_PATIENCE = 250;

type Answer = Extract<FromLaunched, { type: 'answer' }>;
type Reply = Extract<FromLaunched, { request: number }>;

/** The handle that a test holds on the master process of a launched server. */
export class LaunchedMaster {
  readonly waiting = new RealWaiting(() => this.lastLines());
  readonly group: ProcessGroup;
  exit: Exit | undefined;
  readonly #output = new LogLines('stdout');
  readonly #errors = new LogLines('stderr');
  readonly #replies = new Map<number, Reply>();
  #running: RunningInfo | undefined;
  #failure: Error | undefined;
  #requests = 0;

  private constructor(
    private readonly child: ChildProcess & { readonly pid: number },
    private readonly trace: LaunchedTrace,
    private readonly reaper: Reaper,
    private readonly plan: LaunchPlan,
    private readonly planPath: string,
  ) {
    this.group = new ProcessGroup(child.pid);
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#output.add(text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#errors.add(text));
    child.on('message', (message: FromLaunched) => this.#heard(message));
    child.once('exit', (code, signal) => this.#leave({ code, signal }));
  }

  /** Forks the entry; resolves when the server is ready. */
  static async start(plan: LaunchPlan, planPath: string, trace: LaunchedTrace): Promise<LaunchedMaster> {
    const entry = fileURLToPath(new URL('./launch-entry.js', import.meta.url));
    writeFileSync(planPath, JSON.stringify(plan));
    const child = fork(entry, [planPath], {
      detached: true,
      env: { ...process.env, SHOAL_TRACE: trace.path },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      execArgv: inheritedOptions(process.execArgv),
    });
    if (!isStarted(child)) throw new Error('the system refused to start the server process');
    unrefAll(child);
    const { runtimeDirectory } = plan.settings;
    const paths = [trace.path, planPath, ...(typeof runtimeDirectory === 'string' ? [runtimeDirectory] : [])];
    const master = new LaunchedMaster(child, trace, new Reaper(child.pid, paths), plan, planPath);
    try {
      await master.#ready();
      return master;
    } catch (error) {
      master.end();
      throw error;
    }
  }

  get running(): RunningInfo {
    if (this.#running === undefined) throw new Error('the server is not ready');
    return this.#running;
  }

  get logs(): readonly TestLog[] {
    return [...this.#output.lines, ...this.#errors.lines];
  }

  /** Asks the master, and refreshes `running`. */
  async ask(wants: Wanted, patience?: number): Promise<Answer> {
    const request = ++this.#requests;
    if (this.child.connected) this.child.send({ request, wants } satisfies ToLaunched);
    await this.waiting.until(
      () => this.#replies.has(request) || this.exit !== undefined,
      () => `the master to answer '${wants.what}'`,
      patience,
    );
    const reply = this.#replies.get(request);
    this.#replies.delete(request);
    if (reply?.type === 'answer') return reply;
    if (reply !== undefined) throw fromWire(reply.error);
    throw new Error(`the server has left with ${this.#exitText()}; ${this.lastLines()}`);
  }

  /** Processes that are started from here on load this application. The file is never seen half written. */
  deploy(module: string, exportName: string): void {
    writeFileSync(`${this.planPath}.new`, JSON.stringify({ ...this.plan, module, exportName }));
    renameSync(`${this.planPath}.new`, this.planPath);
  }

  terminate(): void {
    if (this.exit === undefined) this.child.kill('SIGTERM');
  }

  /** Kills what is left of the server. */
  end(): void {
    this.group.kill();
    this.group.forget();
    this.reaper.dismiss();
    rmSync(this.planPath, { force: true });
    if (this.child.connected) this.child.disconnect();
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
  }

  /** The master's exit code. Throws when a signal ended it. */
  exitCode(): number {
    if (this.exit?.code != null) return this.exit.code;
    throw new Error(`the master ended by ${this.#exitText()}; ${this.lastLines()}`);
  }

  lastLines(): string {
    return `${lastLines(this.logs)}\n${lastEvents(this.trace.catchUp())}`;
  }

  async #ready(): Promise<void> {
    await this.waiting.until(
      () => this.#running !== undefined || this.#failure !== undefined || this.exit !== undefined,
      () => 'the server to be ready',
      START_PATIENCE,
    );
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#running !== undefined) return;
    throw new Error(`the server left with ${this.#exitText()} before it was ready; ${this.lastLines()}`);
  }

  /** The last lines come before `close`, unless a child of the server outlives it and keeps the output open. */
  #leave(exit: Exit): void {
    const settle = (): void => {
      clearTimeout(deadline);
      this.exit = exit;
      this.waiting.poke();
    };
    const deadline = setTimeout(settle, OUTPUT_PATIENCE);
    this.child.once('close', settle);
  }

  #heard(message: FromLaunched): void {
    if (message.type === 'failed') this.#failure = fromWire(message.error);
    else if (message.type !== 'refusal') this.#running = message.running;
    if ('request' in message) this.#replies.set(message.request, message);
    this.waiting.poke();
  }

  #exitText(): string {
    return this.exit?.signal ?? `exit code ${this.exit?.code}`;
  }
}

/** Options of Node that hold for the server too: neither those of a debugger, nor a program given on the command line. */
function inheritedOptions(options: readonly string[]): string[] {
  const program = options.findIndex((option) => /^(-e|-p|-pe|--eval|--print)(=|$)/.test(option));
  const own = program < 0 ? options : options.slice(0, program);
  return own.filter((option) => !/^--(inspect|test|input-type)/.test(option));
}

/** A test that forgets its server ends all the same: only waits keep its process. */
function unrefAll(child: ChildProcess): void {
  child.unref();
  child.channel?.unref();
  for (const stream of [child.stdout, child.stderr]) (stream as { unref?(): void } | null)?.unref?.();
}

function isStarted(child: ChildProcess): child is ChildProcess & { readonly pid: number } {
  child.on('error', () => {});
  return child.pid !== undefined;
}
