import type { AppClass, SettingsOverrides } from './application.js';
import type { TestServer } from './harness.js';
import { launch } from './launch.js';
import { simulate } from './simulate.js';
import { accountsOf, type ClientAccount } from './trace/client-account.js';

export interface BothWorldsOptions {
  /** Of the simulation. Default 1. */
  readonly seed?: number;
  /** Settings that go before those of the application; JSON carries them to the processes. */
  readonly settings?: SettingsOverrides;
  /** URL of a module that exports overrides, as default or as `override`. */
  readonly override?: string | URL;
}

const SHOWN_EVENTS = 12;

/**
 * Plays one scenario against the application in a simulated world, then on real
 * processes, and compares what its clients lived through: per connection the
 * events that its handlers settled, per client the bytes. The order between
 * connections and between processes is not compared. Rejects with what the
 * scenario throws, naming the world, or with the first difference. Both servers
 * are stopped.
 *
 * Of a listener without framing the packets are compared as one stream, because
 * where the network cuts it is nobody's promise.
 */
export async function inBothWorlds(
  App: AppClass,
  scenario: (server: TestServer) => Promise<void>,
  options: BothWorldsOptions = {},
): Promise<void> {
  const { seed = 1, settings = {}, override } = options;
  const common = { settings, ...(override !== undefined && { override }) };
  const simulated = await play('the simulation', () => simulate(App, { ...common, seed }), scenario);
  const real = await play('real processes', () => launch(App, common), scenario);
  const difference = firstDifference(simulated, real);
  if (difference !== undefined) throw new Error(`${App.name} is not the same in both worlds: ${difference}`);
}

async function play(
  world: string,
  start: () => Promise<TestServer>,
  scenario: (server: TestServer) => Promise<void>,
): Promise<readonly ClientAccount[]> {
  const server = await start();
  try {
    await scenario(server);
    await server.settle();
  } catch (error) {
    await server.stop().catch(() => undefined);
    if (error instanceof Error) error.message = `in ${world}: ${error.message}`;
    throw error;
  }
  await server.stop();
  return accountsOf(server.trace, server.clients);
}

function firstDifference(
  simulated: readonly ClientAccount[],
  real: readonly ClientAccount[],
): string | undefined {
  if (simulated.length !== real.length)
    return `${simulated.length} clients connected in the simulation, ${real.length} on real processes`;
  for (const [id, account] of simulated.entries()) {
    const other = real[id]!;
    const at = account.events.findIndex((event, index) => event !== other.events[index]);
    if (at >= 0 || account.events.length !== other.events.length) {
      const first = at >= 0 ? at : account.events.length;
      return `client ${id}, event ${first + 1}\n${show('simulation', account.events, first)}\n${show('real processes', other.events, first)}`;
    }
    if (!account.received.equals(other.received)) {
      const byte = account.received.findIndex((value, index) => value !== other.received[index]);
      const offset = byte >= 0 ? byte : account.received.length;
      return `client ${id} got other bytes from offset ${offset} on: ${cut(account.received, offset)} in the simulation, ${cut(other.received, offset)} on real processes`;
    }
  }
  return undefined;
}

function show(world: string, events: readonly string[], at: number): string {
  const from = Math.max(0, at - SHOWN_EVENTS / 2);
  const lines = events.slice(from, from + SHOWN_EVENTS).map((event, index) => {
    return `  ${from + index === at ? '>' : ' '} ${from + index + 1} ${event}`;
  });
  if (at >= events.length) lines.push('  > (nothing more)');
  return `${world}:\n${lines.join('\n')}`;
}

function cut(bytes: Buffer, offset: number): string {
  const shown = JSON.stringify(bytes.toString('latin1', offset, offset + 60));
  return bytes.length > offset + 60 ? `${shown}…` : shown;
}
