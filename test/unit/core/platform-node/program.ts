import { fork, type ChildProcess, type ForkOptions } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { identify } from '@shoal/core/internal/platform/node/process-identity';
import { until, within } from './deadlines.js';

const fixtures = new URL('../../../fixtures/platform/', import.meta.url);

export function fixture(name: string): URL {
  return new URL(`${name}.js`, fixtures);
}

/** A fixture that runs in a process of its own, and what it says on its channel. */
export class Program {
  readonly #said: unknown[] = [];
  readonly #exited: Promise<{ code: number | null; signal: string | null }>;

  constructor(readonly process: ChildProcess) {
    process.on('message', (message) => this.#said.push(message));
    this.#exited = new Promise((resolve) => {
      process.once('exit', (code, signal) => resolve({ code, signal }));
    });
  }

  get pid(): number {
    return this.process.pid!;
  }

  /** The first message with this key that nobody has taken yet. */
  async says<Message extends object>(key: keyof Message & string): Promise<Message> {
    const find = (): number =>
      this.#said.findIndex((each) => typeof each === 'object' && each !== null && key in each);
    await until(`the program says ${key}`, () => find() !== -1);
    return this.#said.splice(find(), 1)[0] as Message;
  }

  exit(): Promise<{ code: number | null; signal: string | null }> {
    return within('the exit of the program', this.#exited);
  }
}

const running: Program[] = [];
const watched: number[] = [];

export function start(name: string, args: readonly string[] = [], options: ForkOptions = {}): Program {
  const child = fork(fileURLToPath(fixture(name)), args, { execArgv: [], ...options });
  return track(new Program(child));
}

export function track(program: Program): Program {
  running.push(program);
  return program;
}

/** The process must be gone when the test is over. */
export function watch(pid: number): void {
  watched.push(pid);
}

/** For `afterEach`: ends what still runs, and fails if a process of a process is left. */
export async function endPrograms(): Promise<void> {
  const ended = running.splice(0);
  for (const { process } of ended) process.kill('SIGKILL');
  await Promise.all(ended.map((program) => program.exit()));

  const pids = watched.splice(0);
  try {
    await until(`the processes ${pids.join(' and ')} are gone`, () =>
      pids.every((pid) => identify(pid) === undefined),
    );
  } finally {
    for (const pid of pids.filter((each) => identify(each) !== undefined)) process.kill(pid, 'SIGKILL');
  }
}
