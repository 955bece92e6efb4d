/** A server program in processes of its own, played from outside as an operator would. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestLog } from '@shoal/testing';
import { LogLines } from '@shoal/testing/internal/log-lines';
import { ProcessGroup } from '@shoal/testing/internal/process-group';

const POLL_MS = 10;
const PATIENCE_MS = 10_000;
/** A server of each mode with as few processes as that has, for each costs 0.2 s of CPU to start. */
export const modes = {
  process: { workerNum: 1, taskWorkerNum: 0 },
  base: { mode: 'base', workerNum: 2, taskWorkerNum: 0 },
  single: { mode: 'base', workerNum: 1, taskWorkerNum: 0 },
} as const;

const started = new Set<Program>();
const holders = new Set<net.Server>();

export interface Surroundings {
  /** What the program finds open from descriptor 3 on, as if systemd had passed it. */
  readonly descriptors?: readonly (number | 'ignore')[];
  /** A command that runs the program. */
  readonly under?: readonly string[];
}

export class Program {
  readonly group: ProcessGroup;
  stderr = '';
  stdout = '';
  exit: { readonly code: number | null; readonly signal: string | null } | undefined;
  readonly #lines = new LogLines('stdout');

  private constructor(
    private readonly child: ChildProcess & { readonly pid: number },
    /** The place for its runtime directory. */
    readonly directory: string,
  ) {
    this.group = new ProcessGroup(child.pid);
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#lines.add(text);
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    child.once('close', (code, signal) => (this.exit = { code, signal }));
    started.add(this);
  }

  /** Runs a fixture module, compiled, or any file, as the leader of a process group; the arguments may need the directory. */
  static start(
    module: string,
    args: (directory: string) => readonly string[],
    environment: NodeJS.ProcessEnv = {},
    { descriptors = [], under = [] }: Surroundings = {},
  ): Program {
    const directory = mkdtempSync(join(tmpdir(), 'shoal-program-'));
    const fixture = new URL(`../fixtures/apps/${module}.js`, import.meta.url);
    const file = isAbsolute(module) ? module : fileURLToPath(fixture);
    const line = [process.execPath, file, ...args(directory)];
    // As systemd passes sockets: from descriptor 3 on, to the very process that has this pid.
    const passing = ['/bin/sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh', ...line];
    const [command, ...rest] = [...under, ...(descriptors.length === 0 ? line : passing)];
    const child = spawn(command!, rest, {
      detached: true,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe', ...descriptors],
    });
    if (child.pid === undefined) throw new Error('the system refused to start the program');
    return new Program(child as ChildProcess & { readonly pid: number }, directory);
  }

  /** Runs an application of a fixture module. */
  static app(
    module: string,
    name: string,
    settings: object = {},
    environment: NodeJS.ProcessEnv = {},
    surroundings: Surroundings = {},
  ): Program {
    const url = new URL(`../fixtures/apps/${module}.js`, import.meta.url).href;
    const args = (runtimeDirectory: string): string[] => [
      url,
      name,
      JSON.stringify({ runtimeDirectory, ...settings }),
    ];
    return Program.start('run-app', args, environment, surroundings);
  }

  get pid(): number {
    return this.child.pid;
  }

  get logs(): readonly TestLog[] {
    return this.#lines.lines;
  }

  /** Command lines, which are the titles, of the living processes, by pid. */
  titles(): ReadonlyMap<number, string> {
    return new Map(this.group.members().flatMap((pid) => titleOf(pid)));
  }

  /** The pid of the process whose title ends so. */
  pidOf(role: string): number {
    const found = [...this.titles()].find(([, title]) => title.endsWith(role));
    if (found === undefined)
      throw new Error(`there is no ${role} among ${[...this.titles().values()].join(', ')}`);
    return found[0];
  }

  async until(fact: () => boolean, expectation: string, patience = PATIENCE_MS): Promise<void> {
    const deadline = performance.now() + patience;
    while (!fact()) {
      if (performance.now() > deadline) throw new Error(`expected ${expectation}; ${this.#describe()}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async logged(message: string | RegExp): Promise<TestLog> {
    const find = (): TestLog | undefined => this.logs.find((log) => log.message.match(message) !== null);
    await this.until(() => find() !== undefined, `a log line ${String(message)}`);
    return find()!;
  }

  /** Resolves when the server says that it serves. */
  async ready(): Promise<void> {
    await this.until(
      () => this.exit !== undefined || this.logs.some(({ message }) => / serves: /.test(message)),
      'the server to be ready',
    );
    if (this.exit !== undefined) throw new Error(`the server has left; ${this.#describe()}`);
  }

  /** The port of a listener, as the banner tells it. */
  port(listener: string): number {
    const pattern = new RegExp(`^listener ${listener} is open on tcp .*:(\\d+)$`);
    for (const { message } of this.logs) {
      const port = pattern.exec(message)?.[1];
      if (port !== undefined) return Number(port);
    }
    throw new Error(`no port of ${listener}; ${this.#describe()}`);
  }

  async connect(listener = 'lines'): Promise<Talk> {
    return Talk.with(this.port(listener));
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  /** Has a stop that drains end at once: by SIGTERM until the server takes it for a second one, for one that follows at once may be the same. */
  async hurry(): Promise<void> {
    await this.until(() => {
      if (this.stdout.includes('a second signal came')) return true;
      if (this.exit === undefined) this.signal('SIGTERM');
      return false;
    }, 'a second signal to be taken for one');
  }

  /** What was started here, its output included, is gone; gives the exit of the first process. */
  async left(): Promise<NonNullable<Program['exit']>> {
    await this.until(() => this.exit !== undefined, 'the program to leave');
    await this.until(() => this.group.members().length === 0, 'its processes to leave');
    return this.exit!;
  }

  /** Nothing is left of the server but what it printed. */
  files(): readonly string[] {
    return readdirSync(this.directory, { recursive: true }).map(String);
  }

  dispose(): void {
    this.group.kill();
    this.group.forget();
    rmSync(this.directory, { recursive: true, force: true });
    started.delete(this);
  }

  #describe(): string {
    const end = this.exit === undefined ? 'it runs' : `it left with ${JSON.stringify(this.exit)}`;
    return `${end}, stdout ${this.stdout.slice(-2_000)}, stderr ${this.stderr.slice(-2_000)}`;
  }
}

/** Ends what a test has started, whatever came of it. */
export function disposePrograms(): void {
  for (const program of started) program.dispose();
  for (const holder of holders) holder.close();
  holders.clear();
}

/** One client, by lines. */
export class Talk {
  #received = '';
  closed = false;

  private constructor(private readonly socket: net.Socket) {
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => (this.#received += text));
    socket.on('error', () => {});
    socket.on('close', () => (this.closed = true));
  }

  static async with(port: number): Promise<Talk> {
    const socket = net.connect(port, '127.0.0.1');
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new Talk(socket);
  }

  send(line: string): void {
    this.socket.write(`${line}\n`);
  }

  end(): void {
    this.socket.end();
  }

  get received(): string {
    return this.#received;
  }
}

/** Whether somebody can listen there. */
export async function isFree(port: number): Promise<boolean> {
  const server = net.createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Takes a port for the time of a test. */
export async function occupied(): Promise<{ readonly port: number; release(): void }> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  holders.add(server);
  const { port } = server.address() as net.AddressInfo;
  return { port, release: () => void (holders.delete(server) && server.close()) };
}

function titleOf(pid: number): [number, string][] {
  try {
    const title = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(/[\0 ]+$/, '');
    return [[pid, title.split('\0')[0]!.trimEnd()]];
  } catch {
    return [];
  }
}
