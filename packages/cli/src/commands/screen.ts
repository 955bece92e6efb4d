import { titled } from '../output.js';
import type { Line } from '../text/status-text.js';

const enterText = '\x1b[?1049h\x1b[?25l';
const leaveText = '\x1b[?25h\x1b[?1049l';
const controlC = '\x03';

/**
 * The terminal's other screen, without a cursor and with keys as they are
 * pressed. However this process ends, short of SIGKILL, the terminal is given
 * back as it was.
 */
export class Screen {
  #state: 'new' | 'entered' | 'left' = 'new';
  #lines: readonly Line[] = [];
  readonly #leaveAtExit = (): void => this.leave();
  readonly #redraw = (): void => this.draw(this.#lines);

  /** `quit` is called for q and Ctrl-C. */
  enter(quit: () => void): void {
    this.#state = 'entered';
    process.once('exit', this.#leaveAtExit);
    process.stdin.setRawMode(true);
    process.stdin.setEncoding('utf8').on('data', (keys: string) => {
      if (keys.includes('q') || keys.includes(controlC)) quit();
    });
    process.stdout.on('resize', this.#redraw);
    process.stdout.write(enterText);
  }

  /** Cut to the size of the terminal, over what was there. */
  draw(lines: readonly Line[]): void {
    if (this.#state !== 'entered') return;
    this.#lines = lines;
    // A terminal that nobody has sized says 0.
    const columns = process.stdout.columns || 80;
    const rows = process.stdout.rows || 24;
    const shown = lines.slice(0, rows).map(({ text, title }) => {
      const cut = text.slice(0, columns);
      return `${title ? titled(cut, true) : cut}\x1b[K`;
    });
    process.stdout.write(`\x1b[H${shown.join('\r\n')}\x1b[J`);
  }

  /** Idempotent. */
  leave(): void {
    if (this.#state !== 'entered') return;
    this.#state = 'left';
    process.off('exit', this.#leaveAtExit);
    process.stdout.off('resize', this.#redraw);
    process.stdout.write(leaveText);
    process.stdin.setRawMode(false);
    process.stdin.pause();
  }
}
