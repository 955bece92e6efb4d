import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Tally } from '@shoal/demo/app';
import { launch, type LaunchedServer, type TestClient } from '@shoal/testing';
import { eventually } from '../scenarios/facts.js';

/** The ids behind those of the two workers. */
const TASK_WORKER = 2;
const KEEPER = 3;
const QUEUE = 4;
const CLIENTS = 3;
/** The most lines of one client that are not settled: as many may be counted again. */
const UNSETTLED = 1_024;
const CHUNK = 100;

describe('Tally on real processes', () => {
  let data: string;
  let server: LaunchedServer;
  let clients: readonly TestClient[];
  let expected = 0;

  before(async function () {
    this.timeout(20_000);
    process.env['TALLY_DATA'] = data = mkdtempSync(join(tmpdir(), 'tally-'));
    server = await launch(Tally);
    clients = await Promise.all(
      Array.from({ length: CLIENTS }, async () => server.connect({ listener: 'ingest' })),
    );
  });

  after(async () => {
    await server.stop();
    delete process.env['TALLY_DATA'];
    rmSync(data, { recursive: true });
  });

  async function hits(): Promise<number> {
    const admin = await server.connect({ listener: 'admin' });
    admin.send('counters\n');
    admin.end();
    await admin.closed();
    const [json = ''] = admin.received.toString().split('\n');
    return (JSON.parse(json) as { hits: number }).hits;
  }

  /** All clients send, somebody is killed, they go on; gives by how much too many were counted. */
  async function surplusAfter(kill: () => Promise<void>): Promise<number> {
    for (let round = 0; round < 20; round++) {
      for (const client of clients) client.send('hits:1|c\n'.repeat(CHUNK));
      expected += CLIENTS * CHUNK;
      if (round === 10) await kill();
      await server.advance(10);
    }
    await server.workersReady();
    // Lines may be on their way still when the last packet that the server knows of has settled.
    await eventually(server, `${expected} hits`, async () => (await hits()) >= expected);
    await server.settle();
    const counted = await hits();
    const surplus = counted - expected;
    expected = counted;
    return surplus;
  }

  for (const [who, id] of [
    ['task worker', TASK_WORKER],
    ['keeper', KEEPER],
    ['queue', QUEUE],
  ] as const) {
    it(`counts each line once when the ${who} is killed under load`, async () => {
      expect(await surplusAfter(async () => server.crashWorker(id))).to.equal(0);
    });
  }

  it('loses no line when a worker is killed under load, and counts again at most what it had not settled', async () => {
    expect(await surplusAfter(async () => server.crashWorker(0))).to.be.within(0, CLIENTS * UNSETTLED);
  });

  it('loses no line when the manager is killed under load, and counts again at most what was not settled', async () => {
    expect(await surplusAfter(async () => server.crashManager())).to.be.within(0, CLIENTS * UNSETTLED);
  });
});
