/** The status once a second: in place on a terminal, one after the other elsewhere. */
import type { ServerStatus } from '@shoal/core/internal/pipe/questions';
import { CommandError } from '../command-error.js';
import { ConnectionLost, type ControlClient } from '../control/control-client.js';
import { print } from '../output.js';
import { ratesBetween, statusLines } from '../text/status-text.js';
import { CommandExit } from '../usage-error.js';
import { Screen } from './screen.js';
import { askStatus } from './status.js';

const interval = 1_000;
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Shows that many snapshots, or goes on until q, Ctrl-C or a signal. */
export async function top(client: ControlClient, count: number): Promise<void> {
  const screen = process.stdin.isTTY && process.stdout.isTTY ? new Screen() : undefined;
  const quit = new Promise<'quit'>((resolve) => {
    const end = (): void => resolve('quit');
    for (const signal of stopSignals) process.once(signal, end);
    screen?.enter(end);
  });
  try {
    let before: ServerStatus | undefined;
    for (let shown = 0; shown < count; shown++) {
      if (shown > 0 && (await pause(quit)) === 'quit') return;
      const status = await Promise.race([quit, askStatus(client)]);
      if (status === 'quit') return;
      const lines = statusLines(status, Date.now(), before && ratesBetween(before, status));
      before = status;
      if (screen !== undefined) screen.draw(lines);
      else print(`${lines.map(({ text }) => text).join('\n')}\n`);
    }
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
    throw new CommandError(CommandExit.notRunning, `the server has gone: ${error.message}`, { cause: error });
  } finally {
    screen?.leave();
    client.close();
  }
}

/** Until the next snapshot is due, or somebody quits. */
async function pause(quit: Promise<'quit'>): Promise<'quit' | 'due'> {
  let timer: NodeJS.Timeout | undefined;
  const due = new Promise<'due'>((resolve) => {
    timer = setTimeout(resolve, interval, 'due');
  });
  try {
    return await Promise.race([quit, due]);
  } finally {
    clearTimeout(timer);
  }
}
