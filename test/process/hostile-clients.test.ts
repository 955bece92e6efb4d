import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { launch, type LaunchedServer, type TestServer } from '@shoal/testing';
import { expect } from 'chai';
import type { ServerStats } from '@shoal/core';
import {
  BesiegedApp,
  BesiegedEverywhereApp,
  BesiegedEverywhereSingleApp,
  BesiegedSingleApp,
} from '../fixtures/apps/besieged.js';
import { everythingIsPlayed } from '../exploration/breadth.js';
import { wayOfTheDay } from '../exploration/day.js';
import { eventually } from '../scenarios/facts.js';
import { flood, vandalise, vandaliseSecurely, type Gate } from './vandals.js';

/** By hand, with `SHOAL_BREADTH=1`, as many as would show a leak of a hundred bytes. */
const CONNECTIONS = everythingIsPlayed ? 10_000 : 2_000;
const GARBAGE_LINES = everythingIsPlayed ? 500_000 : 60_000;
const DATAGRAMS = everythingIsPlayed ? 500_000 : 8_000;
/** What a leak of a hundred bytes for each of ten thousand connections would exceed, or of five hundred for each of two. */
const LEAK_BYTES = 1_000_000;

describe('A server among hostile clients', () => {
  for (const [App, mode] of wayOfTheDay([
    [BesiegedApp, 'process'],
    [BesiegedSingleApp, 'base'],
  ] as const)) {
    it(`forgets ${CONNECTIONS} connections that come and go at random, and serves another one all the while (${mode} mode)`, async () => {
      const server = await launch(App);
      try {
        const friend = await server.connect({ listener: 'lines' });
        const ports = server.running.listeners.slice(0, 2).map(({ port }) => port);
        // What is made once is made, and the code that is hot is compiled.
        await siege(server, ports, CONNECTIONS / 5);
        const before = await held(server, mode);
        let asked = 0;
        const besieged = siege(server, ports, CONNECTIONS);
        const siegeOver = besieged.then(() => true);
        do {
          friend.send(`${++asked}\n`);
          expect(await friend.receiveLine()).to.equal(String(asked));
        } while (!(await Promise.race([siegeOver, soon()])));
        let after = before;
        await eventually(server, 'no descriptor more', async () =>
          isDeepStrictEqual((after = await held(server, mode)).descriptors, before.descriptors),
        ).catch(() => expect(after.descriptors).to.deep.equal(before.descriptors));
        if (mode === 'base') expect(after.heap - before.heap).to.be.below(LEAK_BYTES);
        const { ledger, acceptedConnections } = await server.stats();
        expect(total(ledger)).to.equal(ledger.accepted);
        expect(acceptedConnections).to.be.at.least(CONNECTIONS);
        expect(server.logs().filter(({ level }) => level === 'error')).to.deep.equal([]);
      } finally {
        await server.stop();
      }
    }).timeout(90_000);
  }

  for (const [App, mode] of wayOfTheDay([
    [BesiegedEverywhereApp, 'process'],
    [BesiegedEverywhereSingleApp, 'base'],
  ] as const)) {
    it(`forgets ${DATAGRAMS} datagrams of garbage, and garbage on every type of listener beside them (${mode} mode)`, async () => {
      const server = await launch(App);
      try {
        await siegeEverywhere(server, DATAGRAMS / 5, CONNECTIONS / 10);
        const before = await held(server, mode);
        await siegeEverywhere(server, DATAGRAMS, CONNECTIONS / 5);
        let after = before;
        await eventually(server, 'no descriptor more', async () =>
          isDeepStrictEqual((after = await held(server, mode)).descriptors, before.descriptors),
        ).catch(() => expect(after.descriptors).to.deep.equal(before.descriptors));
        if (mode === 'base') expect(after.heap - before.heap).to.be.below(LEAK_BYTES);
        const { ledger } = await server.stats();
        expect(total(ledger)).to.equal(ledger.accepted);
        const client = await server.datagramClient({ listener: 'datagrams' });
        client.send('still there');
        expect(String(await client.receive())).to.equal('still there');
        expect(server.logs().filter(({ level }) => level === 'error')).to.deep.equal([]);
      } finally {
        await server.stop();
      }
    }).timeout(300_000);
  }

  it(`takes ${GARBAGE_LINES} packets of garbage, and answers each`, async () => {
    const server = await launch(BesiegedApp);
    try {
      const { port } = server.running.listeners[0]!;
      const clients = 4;
      const lines = GARBAGE_LINES / clients;
      const answered = await Promise.all(
        Array.from({ length: clients }, async () => sendGarbage(port, lines)),
      );
      expect(answered).to.deep.equal(Array.from({ length: clients }, () => lines));
      const { ledger } = await server.stats();
      expect(ledger).to.deep.include({ accepted: GARBAGE_LINES, handled: GARBAGE_LINES, outstanding: 0 });
    } finally {
      await server.stop();
    }
  }).timeout(90_000);
});

/** In the next turn. */
async function soon(): Promise<false> {
  return new Promise((resolve) => setImmediate(resolve, false));
}

/** Resolves when all of the visitors are gone, for the server too. */
async function siege(server: LaunchedServer, ports: readonly number[], count: number): Promise<void> {
  await vandalise(ports, count, 100);
  await eventually(server, 'only the friend is left', async () => (await server.stats()).connections === 1);
}

/** On all listeners at once; resolves when the server has taken so many datagrams and is rid of all visitors. */
async function siegeEverywhere(server: LaunchedServer, datagrams: number, visitors: number): Promise<void> {
  const gateOf = (wanted: string): Gate => {
    const { address, port } = server.running.listeners.find(({ name }) => name === wanted)!;
    return port === 0 ? address : port;
  };
  const packets = async (): Promise<number> => (await server.stats()).ledger.accepted;
  const enough = (await packets()) + datagrams;
  await Promise.all([
    flood(gateOf('datagrams') as number, 2, async () => (await packets()) >= enough),
    vandalise(['lines', 'frames', 'path', 'secured', 'proxied'].map(gateOf), visitors, 50),
    vandaliseSecurely(gateOf('secured') as number, visitors / 10, 5),
  ]);
  await eventually(server, 'nothing is left', async () => {
    const { connections, ledger } = await server.stats();
    return connections === 0 && ledger.outstanding === 0;
  });
}

/** What became of all that was accepted. */
function total({ handled, redeliveredAndHandled, refused, outstanding }: ServerStats['ledger']): number {
  const refusals = Object.values(refused).reduce((sum, count) => sum + count, 0);
  return handled + redeliveredAndHandled + refusals + outstanding;
}

/** Open descriptors of each process, and the bytes in the heap of the one that owns the sockets, if it can say so. */
async function held(server: TestServer, mode: 'process' | 'base') {
  const { processes } = await server.status();
  const descriptors = processes.map(({ pid }) => readdirSync(`/proc/${pid}/fd`).length);
  return { descriptors, heap: mode === 'base' ? await heapOf(server) : 0 };
}

async function heapOf(server: TestServer): Promise<number> {
  const client = await server.connect({ listener: 'heap' });
  client.send('?\n');
  const bytes = Number(await client.receiveLine());
  client.end();
  await client.closed();
  return bytes;
}

/** Sends lines of any bytes, and counts the lines that come back. */
async function sendGarbage(port: number, lines: number): Promise<number> {
  const socket = connect({ host: '127.0.0.1', port });
  const block = garbageLines(1_000);
  let back = 0;
  const all = new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`closed after ${back} lines`)));
    socket.on('data', (chunk: Buffer) => {
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) back++;
      if (back >= lines) resolve();
    });
  });
  for (let sent = 0; sent < lines; sent += 1_000) {
    if (!socket.write(block))
      await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), all]);
  }
  await all;
  socket.removeAllListeners('close');
  socket.destroy();
  return back;
}

function garbageLines(count: number): Buffer {
  const lines = Array.from({ length: count }, () => {
    const length = Math.floor(Math.random() * 40);
    return Buffer.from([
      ...Array.from({ length }, () => Math.floor(Math.random() * 256)).filter((byte) => byte !== 10),
      10,
    ]);
  });
  return Buffer.concat(lines);
}
