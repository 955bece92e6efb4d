import { expect } from 'chai';
import type { SimulatedServer, TestClient } from '@shoal/testing';

const LINES = 20;

/** See below. */
export async function conversation(server: SimulatedServer): Promise<void> {
  await converse(server);
}

/** The same; where no worker is replaced and none is lost that somebody is pinned to, nothing is missing. */
export async function converseToTheEnd(server: SimulatedServer): Promise<void> {
  const told = await converse(server);
  const lost = server.trace.some((event) => event.kind === 'closed' && event.reason === 'pinnedLost');
  if (!lost) expect(told).to.equal('50000 bytes\n');
}

/** Clients become streams while they are about to move to the worker of their uid, and workers are replaced: nobody dies. */
export async function bindAndEcho(server: SimulatedServer): Promise<void> {
  const clients = [];
  for (let count = 0; count < 6; count++) clients.push(await server.connect());
  for (const [index, client] of clients.entries()) client.send(`uid-${index}`);
  for (let line = 0; line < LINES; line++) {
    await server.advance(2);
    for (const client of clients) if (client.state === 'open') client.send(`${line};`);
  }
  await server.workersReady();
  await server.settle();
  for (const client of clients) client.end();
  await server.settle();
  // A worker that is replaced serves them to their end.
  expect(server.trace.some((event) => event.kind === 'closed' && event.reason === 'pinnedLost')).to.equal(
    false,
  );
}

/** Clients whose handlers take a while to make streams of them, while workers are replaced: each is served to its end. */
export async function turnLate(server: SimulatedServer): Promise<void> {
  const clients: TestClient[] = [];
  for (let count = 0; count < 6; count++) {
    const client = await server.connect();
    clients.push(client);
    client.send('b');
    await server.advance(40);
  }
  await server.advance(400);
  for (const client of clients) client.send('over');
  for (const client of clients) expect((await client.receive(4)).toString()).to.equal('over');
  for (const client of clients) client.end();
  await server.settle();
}

/**
 * Four clients speak on streams: two are answered, one finishes early, one is not read for a while. Whoever is still
 * connected at the end has got what it asked for, in order; the others have got the beginning of it. Gives what the last
 * one was told.
 */
async function converse(server: SimulatedServer): Promise<string> {
  const connect = async (listener: string) => server.connect({ listener });
  const [plain, half] = [await connect('streams'), await connect('stubborn')];
  const [packets, held] = [await connect('packets'), await connect('held')];
  const clients = [plain, half, packets, held];
  const rude = await connect('held');
  rude.send(Buffer.alloc(3_000));
  held.send(Buffer.alloc(50_000));
  held.end();
  packets.send('U');
  for (let line = 0; line < LINES; line += 4) {
    for (const client of [plain, half, packets]) client.send(lines(client, line, line + 4));
    plain.send('much 30000\n');
    await server.advance(3);
  }
  half.end();
  // What it has sent lies in a stream that nobody reads.
  rude.reset();
  for (let round = 0; round < 100 && clients.some(({ state }) => state === 'open'); round++) {
    // Whoever does not hold on ends its side when the server has.
    for (const client of clients) if (client.state === 'ended') client.end();
    if (round === 5) for (const client of [plain, packets]) client.end();
    await server.workersReady();
    const release = await connect('release');
    release.end();
    await release.ended();
    await server.advance(100);
  }
  for (const client of clients) if (client.state === 'ended') client.end();
  await server.settle();
  const said = half.received.toString();
  expect(`${lines(half, 0, LINES)}bye, later\n`.startsWith(said)).to.equal(true, said);
  const text = held.received.toString();
  expect('50000 bytes\n'.startsWith(text)).to.equal(true);
  return text;
}

function lines({ id }: TestClient, from: number, to: number): string {
  return Array.from({ length: to - from }, (_, index) => `client ${id} says ${from + index}\n`).join('');
}
