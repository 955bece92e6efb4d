import type { ByteStream } from '@shoal/core/internal/platform/platform';
import { simulate, type SimulatedServer } from '@shoal/testing';
import { LINE_BYTES, linesOf } from './lines.js';
import { StreamClient } from './stream-client.js';
import { emptyTally, type Tally, timed } from './tally.js';

export type App = Parameters<typeof simulate>[0];

export interface MessageLoad {
  readonly app: App;
  readonly clients: number;
  /** Lines of each client that are on their way at a time. */
  readonly inFlight: number;
  /** False throws away what the processes tell of themselves, which a world otherwise keeps. */
  readonly trace: boolean;
}

/** Lines through one world. A trace grows with them, so that a world of many is not what tests see. */
const LINES_PER_WORLD = 10_000;

/** Lines that come back in `duration` ms, in one world after the other; boots and stops are not measured. */
export async function messages(load: MessageLoad, duration: number): Promise<Tally> {
  const tally = emptyTally();
  for (let seed = 1; tally.elapsed < duration; seed++) {
    const server = await simulate(load.app, { seed });
    if (!load.trace) server.world.observe = () => {};
    await (load.inFlight === 1 ? askInTurn(server, load, tally) : keepInFlight(server, load, tally));
    await server.stop();
  }
  return tally;
}

/** As tests are written: a client of the harness sends a line and waits for the answer. */
async function askInTurn(server: SimulatedServer, { clients }: MessageLoad, tally: Tally): Promise<void> {
  const each = LINES_PER_WORLD / clients;
  const talks = await Promise.all(
    Array.from({ length: clients }, async (_, index) => {
      const client = await server.connect();
      const lines = linesOf(index, each);
      return { client, lines };
    }),
  );
  const before = server.world.events;
  await timed(tally, async () => {
    await Promise.all(
      talks.map(async ({ client, lines }) => {
        for (let at = 0; at < lines.length; at += LINE_BYTES) {
          client.send(lines.subarray(at, at + LINE_BYTES));
          await client.receive(LINE_BYTES);
        }
      }),
    );
  });
  tally.events += server.world.events - before;
  tally.count += each * clients;
  for (const { client, lines } of talks) {
    if (!client.received.equals(lines)) throw new Error('the simulated echo is wrong');
  }
}

async function keepInFlight(server: SimulatedServer, load: MessageLoad, tally: Tally): Promise<void> {
  const each = LINES_PER_WORLD / load.clients;
  const clients: StreamClient[] = [];
  for (let index = 0; index < load.clients; index++) {
    clients.push(new StreamClient(await connect(server), linesOf(index, each)));
  }
  const before = server.world.events;
  await timed(tally, async () => {
    for (const client of clients) client.begin(load.inFlight);
    await server.until(
      () => clients.every((client) => client.done),
      () => 'every line to come back',
    );
  });
  tally.events += server.world.events - before;
  tally.count += each * load.clients;
  for (const client of clients) client.check();
}

/** A connection without the harness, which would look through its waits at each event. */
async function connect(server: SimulatedServer): Promise<ByteStream> {
  const { port } = server.running.listeners[0]!;
  let outcome: ByteStream | Error | undefined;
  server.world.connect({ port }, (stream) => (outcome = stream));
  await server.until(
    () => outcome !== undefined,
    () => 'a connection',
  );
  if (outcome instanceof Error) throw outcome;
  return outcome!;
}
