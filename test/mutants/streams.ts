import { expect } from 'chai';
import type { SimulatedServer, TestClient } from '@shoal/testing';

const LINES = 20;

/**
 * Four clients speak on streams: two are answered, one finishes early, one is not read for a while. Whoever is still
 * connected at the end has got what it asked for, in order; the others have got the beginning of it.
 */
export async function converse(server: SimulatedServer): Promise<void> {
  const connect = async (listener: string) => server.connect({ listener });
  const [plain, half] = [await connect('streams'), await connect('stubborn')];
  const [packets, held] = [await connect('packets'), await connect('held')];
  const clients = [plain, half, packets, held];
  held.send(Buffer.alloc(50_000));
  held.end();
  packets.send('U');
  for (let line = 0; line < LINES; line += 4) {
    for (const client of [plain, half, packets]) client.send(lines(client, line, line + 4));
    plain.send('much 30000\n');
    await server.advance(3);
  }
  half.end();
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
  expect('50000 bytes\n'.startsWith(held.received.toString())).to.equal(true);
}

function lines({ id }: TestClient, from: number, to: number): string {
  return Array.from({ length: to - from }, (_, index) => `client ${id} says ${from + index}\n`).join('');
}
