/** The `shoal` command in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const command = fileURLToPath(import.meta.resolve('@shoal/cli/internal/main'));

/** Long enough for a busy machine, short enough to see what hangs. */
const PATIENCE = 15_000;

export function program(name: string): string {
  return fileURLToPath(new URL(`./programs/${name}.js`, import.meta.url));
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const running = new Set<ShoalProcess>();

export class ShoalProcess {
  stdout = '';
  stderr = '';
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;

  constructor(
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    wrapped = [process.execPath, command, ...args],
  ) {
    const [file, ...rest] = wrapped as [string, ...string[]];
    this.#child = spawn(file, rest, { env: { ...process.env, ...env } });
    this.#closed = once(this.#child, 'close');
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    running.add(this);
  }

  /** In a terminal of its own, whose keys are typed by `type`. */
  static inTerminal(args: readonly string[]): ShoalProcess {
    const quoted = [process.execPath, command, ...args].map((word) => `'${word}'`).join(' ');
    return new ShoalProcess([], {}, ['script', '-qec', quoted, '/dev/null']);
  }

  type(keys: string): void {
    this.#child.stdin!.write(keys);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves with the first match in what was printed. */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    const signal = AbortSignal.timeout(PATIENCE);
    for (;;) {
      const match = pattern.exec(this.stdout);
      if (match !== null) return match;
      if (this.#child.exitCode !== null) throw this.#missing(`${pattern}, but it left`);
      await once(this.#child.stdout!, 'data', { signal }).catch(() => {
        throw this.#missing(String(pattern));
      });
    }
  }

  /** Resolves when the process has left and its output, which its children share, is closed. */
  async outcome(): Promise<Outcome> {
    const deadline = setTimeout(() => this.#child.kill('SIGKILL'), PATIENCE);
    await this.#closed;
    clearTimeout(deadline);
    running.delete(this);
    return { code: this.#child.exitCode, stdout: this.stdout, stderr: this.stderr };
  }

  #missing(what: string): Error {
    return new Error(`expected shoal to print ${what}\n${this.stdout}\n${this.stderr}`);
  }
}

export async function shoal(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  return new ShoalProcess(args, env).outcome();
}

/** For `afterEach`: ends what a failed test has left. */
export async function endAll(): Promise<void> {
  for (const left of running) {
    left.signal('SIGKILL');
    await left.outcome();
  }
}
