import { expect } from 'chai';
import type { SimulatedServer } from '@shoal/testing';

const LINES = 20;

/** Lines of several clients, in bursts: each is answered at least once, none by halves. */
export async function scatter(server: SimulatedServer): Promise<void> {
  const clients = [await server.connect(), await server.connect(), await server.connect()];
  for (let line = 0; line < LINES; line += 4) {
    for (const client of clients) for (let each = line; each < line + 4; each++) client.send(`${each}\n`);
    await server.advance(10);
    await server.stats();
  }
  await server.settle();
  for (const client of clients) {
    const answers = client.received.toString().split('\n').slice(0, -1);
    expect([...new Set(answers)].map(Number).sort((a, b) => a - b)).to.deep.equal([...Array(LINES).keys()]);
    client.end();
  }
  await server.settle();
}

/** Clients come, speak and leave or break off; that connect comes first and close last, each once, the rules know. */
export async function visit(server: SimulatedServer): Promise<void> {
  for (let round = 0; round < 3; round++) {
    const [polite, rude] = [await server.connect(), await server.connect()];
    for (const client of [polite, rude]) client.send('one\ntwo\nthree\n');
    await polite.receive(/hello\n/);
    polite.end();
    await polite.ended();
    expect(new Set(polite.received.toString().split('\n')))
      .to.include('one')
      .and.include('two')
      .and.include('three');
    await rude.receive(/one\n/);
    rude.reset();
    await server.stats();
  }
  await server.settle();
}

/** Clients come and go in turns, and each keeps its order. */
export async function comeAndGo(server: SimulatedServer): Promise<void> {
  for (let round = 0; round < 4; round++) {
    const clients = [await server.connect(), await server.connect(), await server.connect()];
    for (const client of clients) client.send('one\ntwo\n');
    await server.stats();
    for (const client of clients) {
      expect((await client.receive(8)).toString()).to.equal('one\ntwo\n');
      client.end();
    }
    for (const client of clients) await client.closed();
  }
  await server.settle();
}
