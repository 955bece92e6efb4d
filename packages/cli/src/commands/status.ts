import type { ServerStatus } from '@shoal/core/internal/pipe/questions';
import type { ControlClient } from '../control/control-client.js';
import { within } from '../control/patience.js';
import { colours, print, titled } from '../output.js';
import { statusLines } from '../text/status-text.js';
import { CommandExit } from '../usage-error.js';

/** ms in which a server that is well answers. */
const patience = 10_000;

/** Rejects with `CommandError` when the server does not answer in time. */
export async function askStatus(client: ControlClient): Promise<ServerStatus> {
  return within(
    patience,
    client.ask({ what: 'status' }),
    () => `the server has not answered within ${patience} ms`,
  );
}

export async function status(client: ControlClient, json: boolean): Promise<void> {
  const told = await askStatus(client);
  if (json) {
    print(JSON.stringify(told, undefined, 2));
    return;
  }
  const coloured = colours(1);
  for (const { text, title } of statusLines(told, Date.now())) print(title ? titled(text, coloured) : text);
}

/** For probes: says nothing, and gives 0 only for a server that serves. */
export async function readiness(client: ControlClient): Promise<number> {
  const { state } = await askStatus(client);
  return state === 'serving' || state === 'reloading' ? CommandExit.ok : CommandExit.failed;
}
