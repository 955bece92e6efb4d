import { ConfigError } from '../errors.js';
import type { LogWriter, Platform } from '../platform/platform.js';

/**
 * The file that tells the pid of the first process to whoever wants to signal
 * it. A file that was left behind by a server which was killed is no obstacle;
 * one that names a living server is, since two servers cannot both be the one
 * that the file means.
 */
export class PidFile {
  constructor(
    private readonly platform: Pick<Platform, 'self' | 'files' | 'processes'> & { readonly log: LogWriter },
    private readonly path: string,
  ) {}

  /** Before anything is started. Throws ConfigError CONFIG_PID_FILE. */
  check(): void {
    const { files, log } = this.platform;
    let text: string | undefined;
    try {
      files.probe(this.path);
      text = files.read(this.path);
    } catch (cause) {
      throw this.#unwritable(cause);
    }
    if (text === undefined) return;
    const pid = this.#livingServer(text);
    if (pid !== undefined) {
      throw new ConfigError(
        'CONFIG_PID_FILE',
        `${this.path} names process ${pid}, which is a server that runs: stop it (kill ${pid}), or give this one another pidFile`,
      );
    }
    const message = `${this.path} is left over from a server that is gone, and will be overwritten`;
    log.write({ level: 'warn', role: 'master', message, fields: { content: text.trim().slice(0, 20) } });
  }

  /** Throws ConfigError CONFIG_PID_FILE. */
  write(): void {
    const { files, self } = this.platform;
    try {
      files.write(this.path, `${self.pid}\n`);
    } catch (cause) {
      throw this.#unwritable(cause);
    }
  }

  /** Only while it is ours: a server that was started since may have written its own. */
  remove(): void {
    const { files, self } = this.platform;
    try {
      if (files.read(this.path)?.trim() === String(self.pid)) files.remove(this.path);
    } catch {
      // What cannot be read any more is not ours to remove.
    }
  }

  /** In a container pids begin anew with each start, so that the one in the file may well be ours. */
  #livingServer(text: string): number | undefined {
    const { self, processes } = this.platform;
    const pid = /^\d{1,10}$/.test(text.trim()) ? Number(text) : 0;
    return pid > 0 && pid !== self.pid && processes.isServer(pid) ? pid : undefined;
  }

  #unwritable(cause: unknown): ConfigError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new ConfigError(
      'CONFIG_PID_FILE',
      `cannot write the pid file ${this.path}: ${reason}. Name a file in a directory that exists, which the user of the server may write`,
      { cause },
    );
  }
}
