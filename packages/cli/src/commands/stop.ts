import { identify } from '@shoal/core/internal/platform/node/process-identity';
import { CommandError } from '../command-error.js';
import { ConnectionLost, type ControlClient } from '../control/control-client.js';
import { until, within } from '../control/patience.js';
import { print, tell } from '../output.js';
import { CommandExit } from '../usage-error.js';

/** ms between two looks at what the server still has to do. */
const glance = 1_000;

/** Stops the server and waits until its process is gone. */
export async function stop(client: ControlClient, timeout: number): Promise<void> {
  const { name, pid } = client.greeting;
  // Taken before it is asked: its pid may belong to another process later.
  const identity = identify(pid);
  tell(`stopping ${name}, pid ${pid}`);
  let over = false;
  const isGone = (): boolean => over || identify(pid)?.startedAt !== identity?.startedAt;
  // Of a server in another container only its socket is seen.
  const gone = identity === undefined ? client.closed : until(isGone);
  const watched = watch(client, () => over);
  try {
    await within(timeout, Promise.all([order(client), gone]), () => {
      return `${name}, pid ${pid}, has not left within ${timeout} ms; it goes on stopping. To end it at once: kill -KILL ${pid}`;
    });
  } finally {
    over = true;
    client.close();
    await watched;
  }
  print(`${name}, pid ${pid}, has stopped`);
}

/** A server that is gone before it has answered has done what was asked. */
async function order(client: ControlClient): Promise<void> {
  try {
    await client.ask({ what: 'shutdown' });
  } catch (error) {
    if (error instanceof ConnectionLost) return;
    throw new CommandError(CommandExit.failed, `the server does not stop: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Says what the stop waits for, whenever that has changed. */
async function watch(client: ControlClient, isOver: () => boolean): Promise<void> {
  let said = '';
  for (;;) {
    await Promise.race([client.closed, new Promise((resolve) => setTimeout(resolve, glance).unref())]);
    const status = isOver() ? undefined : await client.ask({ what: 'status' }).catch(() => undefined);
    if (status === undefined) return;
    const { connections, outstandingPackets } = status.stats;
    const text = `waiting for ${connections} connections and ${outstandingPackets} packets in flight`;
    if (text !== said) tell(text);
    said = text;
  }
}
