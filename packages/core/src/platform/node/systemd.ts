import { execFile } from 'node:child_process';
import type { LogWriter, SupervisedState, Supervisor } from '../platform.js';

const words: Record<SupervisedState, string> = {
  ready: 'READY=1',
  reloading: 'RELOADING=1',
  stopping: 'STOPPING=1',
};

/** ms that the program may take. */
const usualPatience = 5_000;

/**
 * Tells systemd through its own program: the socket takes datagrams, and Node
 * opens no unix socket for those. The unit needs `NotifyAccess=all`, because the
 * news come from that program and not from the server.
 */
export class Systemd implements Supervisor {
  #last: Promise<void> = Promise.resolve();
  #complained = false;

  constructor(
    private readonly log: LogWriter,
    private readonly socket = process.env['NOTIFY_SOCKET'],
    private readonly patience = usualPatience,
  ) {}

  notify(state: SupervisedState, status: string): Promise<void> {
    if (this.socket === undefined || this.socket === '') return Promise.resolve();
    // A state is taken for the last one: they must not overtake each other.
    this.#last = this.#last.then(() => this.#run(state, status));
    return this.#last;
  }

  #run(state: SupervisedState, status: string): Promise<void> {
    const args = [words[state], `STATUS=${status}`];
    // With Type=notify-reload, systemd compares it with the time at which it asked.
    if (state === 'reloading') args.push(`MONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`);
    return new Promise((resolve) => {
      const program = execFile('systemd-notify', args, (error) => {
        clearTimeout(timer);
        if (error !== null) this.#complain(error);
        resolve();
      });
      // Its end alone is not waited for: what it has started may hold its output open.
      const timer = setTimeout(() => {
        this.#complain(new Error(`systemd-notify has not ended within ${this.patience} ms`));
        program.kill('SIGKILL');
        program.stdout?.destroy();
        program.stderr?.destroy();
        resolve();
      }, this.patience);
    });
  }

  #complain(error: Error): void {
    if (this.#complained) return;
    this.#complained = true;
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const reason = missing ? 'there is no program systemd-notify in PATH' : error.message.trim();
    const message = `cannot tell systemd how the server is: ${reason}. It will wait for that in vain if the unit says Type=notify`;
    this.log.write({ level: 'warn', role: 'platform', message });
  }
}
