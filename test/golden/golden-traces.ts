import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tally } from '@shoal/demo/app';
import { simulate, type SimulatedServer } from '@shoal/testing';
import { SyncEchoApp, StoryApp } from '../fixtures/apps/echo.js';

const SEEDS = 20;

type Play = (server: SimulatedServer) => Promise<void>;

/** Talks, loses a worker and the manager, half closes and resets. */
const plays: Readonly<Record<string, { readonly App: new () => object; readonly play: Play }>> = {
  SyncEchoApp: {
    App: SyncEchoApp,
    play: async (server) => {
      const clients = [await server.connect(), await server.connect({ from: '10.0.0.7' })];
      for (let line = 0; line < 20; line++) {
        for (const client of clients) client.send(`${line} of client ${client.id}\n`);
        if (line === 10) await server.crashWorker(0);
        await server.advance(1);
      }
      await server.crashManager();
      await server.workersReady();
      await server.settle();
      clients[0]!.end();
      clients[1]!.reset();
    },
  },
  StoryApp: {
    App: StoryApp,
    play: async (server) => {
      const client = await server.connect();
      await client.receiveLine();
      client.send('one\ntwo\nhalf\nthree\n');
      await client.receive(/three attempt 1/);
      client.send(`${'x'.repeat(100_000)}\nfail\nbye\n`);
      await client.ended();
    },
  },
  Tally: {
    App: Tally,
    play: async (server) => {
      const client = await server.connect({ listener: 'ingest' });
      client.send('hits:1|c\nload:5|g\nnonsense\n');
      await server.settle();
      const admin = await server.connect({ listener: 'admin' });
      admin.send('counters\nquit\n');
      await admin.ended();
    },
  },
};

/** SHA-256 of the trace as JSON, for each application and seed. */
export async function traceHashes(): Promise<Readonly<Record<string, string>>> {
  const hashes: Record<string, string> = {};
  for (const [name, { App, play }] of Object.entries(plays)) {
    for (let seed = 1; seed <= SEEDS; seed++)
      hashes[`${name} ${seed}`] = hashOf(await traceOf(App, play, seed));
  }
  return hashes;
}

export function hashOf(trace: string): string {
  return createHash('sha256').update(trace).digest('hex');
}

/** Whatever is kept on a real disk is of this run alone. */
async function traceOf(App: new () => object, play: Play, seed: number): Promise<string> {
  const data = mkdtempSync(join(tmpdir(), 'golden-'));
  process.env['TALLY_DATA'] = data;
  try {
    const server = await simulate(App, { seed });
    await play(server);
    await server.stop();
    return server.trace.map((event) => JSON.stringify(event)).join('\n');
  } finally {
    delete process.env['TALLY_DATA'];
    rmSync(data, { recursive: true, force: true });
  }
}
