import { spawn, type ChildProcess } from 'node:child_process';

/** Reads until its input ends; without a word by then, whoever held it is gone. */
const SCRIPT = 'read -r done || { kill -s KILL -- "-$0"; rm -rf -- "$@"; }';

/**
 * Ends a process group and removes files when this process is gone, however it
 * went: the system closes its end of a pipe then, and a small shell at the other
 * end does the rest. Nobody in the group has to help, nor can prevent it.
 */
export class Reaper {
  readonly #shell: ChildProcess;

  constructor(group: number, paths: readonly string[]) {
    this.#shell = spawn('/bin/sh', ['-c', SCRIPT, String(group), ...paths], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    this.#shell.on('error', () => {});
    this.#shell.stdin?.on('error', () => {});
    this.#shell.unref();
    (this.#shell.stdin as { unref?(): void } | null)?.unref?.();
  }

  /** Everything has been ended and removed in order. */
  dismiss(): void {
    this.#shell.stdin?.end('done\n');
  }
}
