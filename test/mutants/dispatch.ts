import { expect } from 'chai';
import type { SimulatedServer, TestClient } from '@shoal/testing';

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

/** Clients of a few addresses come and go while workers are replaced; whose they are is checked by the rules. */
export async function returnOften(server: SimulatedServer): Promise<void> {
  for (let round = 0; round < 8; round++) {
    const clients = [];
    for (const from of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) clients.push(await server.connect({ from }));
    for (const client of clients) client.send('one\ntwo\n');
    for (const client of clients) client.end();
    await server.advance(15);
  }
  await server.workersReady();
  await server.settle();
}

/** Nobody is lost or late: packets of two reactors are dealt out one to each worker in turn. */
export async function shareOut(server: SimulatedServer): Promise<void> {
  const clients = [];
  for (let count = 0; count < 4; count++) clients.push(await server.connect());
  for (const client of clients) client.send('line\n');
  await server.settle();
  const workers = workersOf(clients);
  expect(workers.length).to.equal(4);
  expect(new Set(workers).size, String(workers)).to.equal(3);
}

/** A packet that comes while a worker is idle goes to no busy one. */
export async function findIdle(server: SimulatedServer): Promise<void> {
  for (let round = 0; round < 4; round++) {
    const holders = [await server.connect(), await server.connect()];
    for (const holder of holders) {
      holder.send('hold\n');
      await holder.receiveLine();
    }
    const client = await server.connect();
    for (let line = 0; line < 3; line++) {
      client.send('line\n');
      await client.receiveLine();
    }
    // The others are busy all the time.
    expect(new Set(workersOf([client])).size).to.equal(1);
    for (const holder of holders) holder.reset();
    client.end();
    await server.settle();
  }
}

/** By which workers the lines of these clients were handled, in ascending order. */
function workersOf(clients: readonly TestClient[]): number[] {
  const all = clients.map(({ received }) => received.toString()).join('');
  return [...all.matchAll(/^\w+ (\d)$/gm)].map(([, workerId]) => Number(workerId)).sort((a, b) => a - b);
}
