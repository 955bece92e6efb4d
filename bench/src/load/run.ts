import { quantile } from '../harness/statistics.js';
import { LoadedConnection, type Tally } from './loaded-connection.js';
import type { EchoLoad, LoadFigures } from './messages.js';

/** How long what is under way at the end may take to come back, in ms. */
const RETURN_MS = 10_000;

export interface RunParts {
  readonly load: EchoLoad;
  /** In ms. */
  readonly warmUp: number;
  readonly duration: number;
  readonly began: () => void;
  readonly ended: (figures: LoadFigures) => void;
}

/** Loads a server; resolves when every byte that was sent has come back, and rejects when one has not. */
export async function runLoad({ load, warmUp, duration, began, ended }: RunParts): Promise<void> {
  let fail!: (error: Error) => void;
  const failure = new Promise<never>((_, reject) => (fail = reject));
  const waiting = new Set<LoadedConnection>();
  let allReturned!: () => void;
  const returned = new Promise<void>((resolve) => (allReturned = resolve));
  const tally: Tally = {
    messages: 0,
    samples: undefined,
    sending: true,
    idle: (connection) => {
      waiting.delete(connection);
      if (waiting.size === 0) allReturned();
    },
    failed: fail,
  };

  const connections = await Promise.race([failure, connectAll(load, tally)]);
  for (const connection of connections) {
    waiting.add(connection);
    connection.start();
  }
  await Promise.race([failure, wait(warmUp)]);

  began();
  const samples: number[] = (tally.samples = []);
  const before = { messages: tally.messages, at: performance.now(), cpu: process.cpuUsage() };
  await Promise.race([failure, wait(duration)]);
  const elapsed = performance.now() - before.at;
  const { user, system } = process.cpuUsage(before.cpu);
  tally.samples = undefined;
  ended({
    messages: tally.messages - before.messages,
    elapsed,
    p50: quantile(samples, 0.5) * 1000,
    p99: quantile(samples, 0.99) * 1000,
    cpu: user + system,
  });

  tally.sending = false;
  const late = wait(RETURN_MS).then(() => {
    throw new Error(`${waiting.size} connections did not get back all that they sent within ${RETURN_MS} ms`);
  });
  await Promise.race([failure, returned, late]);
  for (const connection of connections) connection.end();
}

async function connectAll(load: EchoLoad, tally: Tally): Promise<LoadedConnection[]> {
  return Promise.all(
    Array.from({ length: load.connections }, (_, index) => {
      return new Promise<LoadedConnection>((resolve) => {
        const connection = new LoadedConnection(load, index, tally, () => resolve(connection));
      });
    }),
  );
}

/** Never the last thing that keeps the process. */
function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
