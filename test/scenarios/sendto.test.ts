import { expect } from 'chai';
import type { TestClient, TestDatagramClient, TestServer } from '@shoal/testing';
import { CouriersApp } from '../fixtures/apps/datagrams.js';
import { inSimulation, inWorlds } from './in-worlds.js';

const senders = ['worker', 'task', 'postman', 'manager', 'master'] as const;

for (const mode of ['process', 'base'] as const) {
  describe(`server.sendto in ${mode} mode`, () => {
    const settings = { mode };

    inWorlds(
      'sends from every process, and from the first listener of the family of the address',
      CouriersApp,
      async (server) => {
        const orders = await server.connect({ listener: 'orders' });
        const client = await server.datagramClient({ listener: 'second' });
        for (const from of senders) {
          expect(await order(orders, { from, ...placeOf(client), text: `by the ${from}` }), from).to.equal(
            'true',
          );
          expect((await client.receive()).toString()).to.equal(`by the ${from}`);
        }
      },
      { settings },
    );

    inSimulation(
      'sends from the listener that is named, and over IPv6 from one of that',
      CouriersApp,
      async (server) => {
        const orders = await server.connect({ listener: 'orders' });
        const four = await server.datagramClient({ listener: 'first' });
        const six = await server.datagramClient({ listener: 'six' });
        for (const from of senders) {
          await order(orders, { from, ...placeOf(four), text: 'a', listener: 'second' });
          await order(orders, { from, ...placeOf(four), text: 'b' });
          await order(orders, { from, ...placeOf(six), text: 'c' });
        }
        await server.settle();
        expect(written(server)).to.deep.equal(senders.flatMap(() => ['second a', 'first b', 'six c']));
      },
      { settings, seeds: 3 },
    );

    inSimulation(
      'is an error to its caller for what is no address, no port and no such listener',
      CouriersApp,
      async (server) => {
        const orders = await server.connect({ listener: 'orders' });
        for (const from of senders) {
          const to = { from, address: '10.0.0.7', port: 9, text: 'x' };
          expect(await order(orders, { ...to, address: 'nobody' })).to.include('is no IP address');
          expect(await order(orders, { ...to, port: 0 })).to.include('is no port');
          expect(await order(orders, { ...to, listener: 'third' })).to.include(
            "no listener of datagrams 'third'",
          );
        }
        await server.settle();
        expect(written(server)).to.deep.equal([]);
      },
      { settings, seeds: 2 },
    );

    inSimulation(
      'takes 65,507 bytes, and says false to one more',
      CouriersApp,
      async (server) => {
        const orders = await server.connect({ listener: 'orders' });
        const client = await server.datagramClient({ listener: 'first' });
        for (const from of senders) {
          const to = { from, ...placeOf(client) };
          expect(await order(orders, { ...to, text: 'x'.repeat(65_507) }), from).to.equal('true');
          expect((await client.receive()).length).to.equal(65_507);
          expect(await order(orders, { ...to, text: 'x'.repeat(65_508) }), from).to.equal('false');
        }
        await server.settle();
        expect(client.received).to.have.length(senders.length);
      },
      { settings, seeds: 2 },
    );
  });
}

async function order(orders: TestClient, errand: object): Promise<string> {
  orders.send(`${JSON.stringify(errand)}\n`);
  return orders.receiveLine();
}

function placeOf({ address, port }: TestDatagramClient): { address: string; port: number } {
  return { address, port };
}

function written(server: TestServer): string[] {
  return server.trace.flatMap((event) =>
    event.kind === 'datagramWritten' ? [`${event.listener} ${event.data}`] : [],
  );
}
