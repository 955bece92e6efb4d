import { expect } from 'chai';
import type { SimulatedServer, TestClient } from '@shoal/testing';

const LETTERS = 6;
/** A word and a number: the application tells them apart. */
const UIDS = ['u0', '1'] as const;

/**
 * Clients of one room and of two uids write to all of them and to some, ask who is
 * there, and leave one after the other: each letter comes at least once to whom it
 * is for, and to nobody else.
 */
export async function chat(server: SimulatedServer): Promise<void> {
  const clients = [
    await server.connect(),
    await server.connect(),
    await server.connect(),
    await server.connect(),
  ];
  const ids: string[] = [];
  for (const [index, client] of clients.entries()) {
    client.send(`who\njoin room\nbind ${UIDS[index % 2]}\n`);
    const text = (await client.receive(/^\d+\n[^]*true\n[^]*true (undefined|u0|1)\n/m)).toString();
    ids.push(/^\d+$/m.exec(text)![0]);
  }
  const some = ids.slice(0, 2).join(',');
  for (let letter = 0; letter < LETTERS; letter++) {
    for (const [index, client] of clients.entries()) {
      const where = ['here', '2', 'here', 'speaker'][(letter + index) % 4];
      client.send(
        `here group room g${letter}-of-${index}.\nsandwich room\n${where} uid ${UIDS[letter % 2]} p${letter}-of-${index}.\n${where} others room ${some} not for ${some}\n`,
      );
    }
    await server.advance(2);
  }
  clients[0]!.send('here size room\nspeaker online 1\n');
  await server.settle();
  for (const [at, client] of clients.entries()) {
    const text = client.received.toString();
    for (let letter = 0; letter < LETTERS; letter++)
      for (const index of clients.keys()) expect(text).to.include(`g${letter}-of-${index}.`);
    expect(text.includes('not for')).to.equal(at >= 2);
    // Whichever worker takes over knows whose it is.
    const [, later = ''] = text.split(/^true (?:u0|1)$/m);
    for (const [, uid] of later.matchAll(/^adopted \S+ as (\S+) in/gm)) expect(uid).to.equal(UIDS[at % 2]);
  }
  await leave(server, clients);
}

/** Of a uid one goes first, of the room one after the other leaves: those who stay are reached, and nobody else is there. */
async function leave(server: SimulatedServer, clients: readonly TestClient[]): Promise<void> {
  const [first, second, third, fourth] = clients as [TestClient, TestClient, TestClient, TestClient];
  fourth.end();
  await server.settle();
  third.send('here uid 1 to the other\nhere leave me room\n');
  second.send('here leave me room\n');
  await server.settle();
  expect(second.received.toString()).to.include('to the other\n');
  second.send('here group room to the last\nhere size room\nhere online 1\n');
  await server.settle();
  expect(first.received.toString()).to.include('to the last\n');
  third.send('here join me hall\nhere closeGroup hall\n');
  first.send('here closeUid u0\n');
  await server.settle();
  second.send('here size room\nhere size hall\nhere online u0\nhere online 1\n');
  await server.settle();
  for (const client of clients) client.end();
}
