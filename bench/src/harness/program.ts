/**
 * A program of the benchmark in a process of its own. It speaks over the
 * channel of `fork`, and the closing of that channel is what tells it to leave;
 * so it also leaves when this process is killed.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { killProcesses, processTree } from './process-tree.js';

/** How long a program may take to leave by itself, in ms. */
const LEAVE_MS = 10_000;

const running = new Set<Program>();

/** Ends every program at once, with the processes that it has started. */
export function endAllPrograms(): void {
  for (const program of running) program.kill();
}

export class Program {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #exit: Promise<void>;
  #receive: ((message: object) => void) | undefined;
  #fail: ((error: Error) => void) | undefined;
  #exited = false;

  constructor(
    readonly name: string,
    file: URL,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ) {
    this.#child = fork(fileURLToPath(file), args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.pid = this.#child.pid ?? 0;
    running.add(this);
    this.#child.on('message', (message) => this.#receive?.(message as object));
    this.#exit = new Promise((resolve) => {
      const gone = (error: Error): void => {
        this.#exited = true;
        running.delete(this);
        this.#fail?.(error);
        resolve();
      };
      this.#child.once('error', gone);
      this.#child.once('exit', (code, signal) => gone(new Error(`${name} left with ${signal ?? code}`)));
    });
  }

  /**
   * Resolves with the first message for which `pick` gives a value. Rejects
   * when the program ends before, and after `deadline` ms.
   */
  async next<Value>(
    what: string,
    deadline: number,
    pick: (message: object) => Value | undefined,
  ): Promise<Value> {
    if (this.#exited) throw new Error(`${this.name} is gone`);
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Value>((resolve, reject) => {
        this.#fail = reject;
        this.#receive = (message) => {
          try {
            const value = pick(message);
            if (value !== undefined) resolve(value);
          } catch (error) {
            reject(error);
          }
        };
        timer = setTimeout(
          () => reject(new Error(`${this.name}: no ${what} within ${deadline} ms`)),
          deadline,
        );
      });
    } finally {
      clearTimeout(timer);
      this.#receive = undefined;
      this.#fail = undefined;
    }
  }

  send(message: object): void {
    this.#child.send(message);
  }

  /** Asks the program to leave, and ends it if it does not. */
  async leave(): Promise<void> {
    const timer = setTimeout(() => {
      console.error(`${this.name} did not leave within ${LEAVE_MS} ms and was killed`);
      this.kill();
    }, LEAVE_MS);
    if (this.#child.connected) this.#child.disconnect();
    await this.#exit;
    clearTimeout(timer);
  }

  /** Ends the program and all that it has started. */
  kill(): void {
    if (!this.#exited && this.pid > 0) killProcesses(processTree(this.pid));
  }
}
