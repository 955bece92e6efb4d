import { spawn } from 'node:child_process';

/** Child processes of a run, each with a deadline; none outlives `endAll`. */
export class Children {
  #living = new Set();

  /**
   * Runs Node on a script and resolves with what it wrote and how it ended:
   * `code` is null when it was ended from here, `late` says that it was because
   * of the deadline.
   */
  run(script, args, { cwd, env = process.env, deadline }) {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [script, ...args], {
        cwd,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
        // A group of its own, so that what it starts ends with it.
        detached: process.platform !== 'win32',
      });
      this.#living.add(child);
      let out = '';
      let errors = '';
      let late = false;
      child.stdout.setEncoding('utf8').on('data', (text) => (out += text));
      child.stderr.setEncoding('utf8').on('data', (text) => (errors += text));
      const timer = setTimeout(() => {
        late = true;
        end(child);
      }, deadline);
      child.on('error', reject);
      child.on('close', (code) => {
        clearTimeout(timer);
        this.#living.delete(child);
        resolve({ code, late, out, errors });
      });
    });
  }

  endAll() {
    for (const child of this.#living) end(child);
  }
}

function end(child) {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill('SIGKILL');
    else process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
