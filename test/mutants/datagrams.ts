import { expect } from 'chai';
import type { DatagramLink, SimulatedServer } from '@shoal/testing';

/** Datagrams of several kinds from several clients, some of which the network loses; settles, and looks at what came. */
export async function talk(server: SimulatedServer, link: DatagramLink = {}): Promise<void> {
  const clients = [
    await server.datagramClient({ link }),
    await server.datagramClient({ link, from: '10.0.0.7' }),
  ];
  const words = ['', 'later ', 'twice ', 'half ', ''];
  for (let round = 0; round < 12; round++) {
    for (const client of clients) client.send(`${words[round % words.length]}${client.id} ${round}`);
    if (round % 3 === 2) await server.advance(15);
  }
  await server.settle();
}

/**
 * The same, with more than may wait for a worker, and deaths at the end that are no
 * accident, when hardly another one could be taken for their cause.
 */
export async function talkAndDie(server: SimulatedServer): Promise<void> {
  await talk(server);
  for (let round = 0; round < 4; round++) {
    const client = await server.datagramClient();
    for (let count = 0; count < 12; count++) client.send(`later ${round} ${'x'.repeat(100)}`);
    await server.advance(15);
  }
  await rest(server);
  const client = await server.datagramClient();
  for (const words of ['crash 1', 'poison 1', 'crash 2']) {
    client.send(words);
    await rest(server);
  }
  expect(client.received.map(String)).not.to.include('poison 1');
}

async function rest(server: SimulatedServer): Promise<void> {
  await server.workersReady();
  await server.settle();
}
