import { expect } from 'chai';
import { launch, simulate } from '@shoal/testing';
import { ClerkApp, DoormanApp } from '../fixtures/apps/clerks.js';
import { RoomsApp } from '../fixtures/apps/rooms.js';
import { ask, eventually, linesLogged, linesOf } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds } from './in-worlds.js';

const moduleAt = (name: string): string => new URL(`../fixtures/dispatch/${name}.js`, import.meta.url).href;
const byKey = { dispatchMode: 'roundRobin', dispatchModule: moduleAt('by-key') } as const;
const byHost = { dispatchMode: 'fixed', dispatchModule: moduleAt('by-host') } as const;

describe('A dispatch module', () => {
  inWorlds(
    'chooses the worker of each packet, refuses some, and is passed over when it fails',
    ClerkApp,
    async (server) => {
      const client = await server.connect();
      for (const key of [0, 1, 2, 5]) expect(await ask(client, `${key} a`)).to.equal(`${key} a ${key % 3}`);
      for (const word of ['throw', 'nonsense', 'promise', 'other'])
        expect(await ask(client, word)).to.match(new RegExp(`^${word} [012]$`));
      client.send('discard me\n1 after\n');
      expect(await client.receiveLine()).to.equal('1 after 1');
      const fault = 'the dispatch module';
      await linesLogged(server, new RegExp(`^${fault}`), 1);
      expect(await server.stats()).to.deep.include({
        failedDispatches: 3,
        refused: { DISPATCH_DISCARDED: 1 },
      });

      const banned = await server.connect();
      banned.send('2 b\n');
      expect(await banned.receiveLine()).to.equal('2 b 2');
      banned.send('close\n0 never\n');
      await banned.ended();
      banned.end();
      await eventually(server, 'the end', async () => (await server.stats()).connections === 1);
      const { refused, ledger } = await server.stats();
      expect(refused).to.deep.equal({ DISPATCH_DISCARDED: 1, DISPATCH_CLOSED: 1 });
      expect(ledger).to.deep.include({ accepted: 12, handled: 10, refused, outstanding: 0 });
      expect(await ask(client, '0 still')).to.equal('0 still 0');
    },
    { settings: { ...byKey, reactorNum: 1 } },
  );

  inSimulation(
    'keeps a packet for the worker that it has named, over the loss of that',
    ClerkApp,
    async (server) => {
      await server.hangWorker(1);
      const client = await server.connect();
      client.send('1 a\n');
      await server.advance(20);
      await server.crashWorker(1);
      expect(await client.receiveLine()).to.equal('1 a 1');
    },
    { settings: byKey },
  );

  inSimulationFirst(
    'chooses the worker of each connection once, where a connection has one, and refuses some',
    ClerkApp,
    async (server) => {
      for (const host of [4, 5, 6]) {
        const client = await server.connect({ from: `127.0.0.${host}` });
        for (const line of ['x', 'y']) expect(await ask(client, line)).to.equal(`${line} ${host % 3}`);
      }
      const refused = await server.connect({ from: '127.0.0.255' });
      refused.send('x\n');
      await refused.ended();
      expect(refused.received.toString()).to.equal('');
      refused.end();
      await eventually(server, 'its end', async () => (await server.stats()).connections === 3);
      const stats = await server.stats();
      expect(stats.refused).to.deep.equal({ DISPATCH_CLOSED: 1 });
      expect(stats.failedDispatches).to.equal(0);
    },
    { settings: { ...byHost, reactorNum: 1 } },
  );

  inSimulation(
    "is asked again when a connection is bound, and closes it, under dispatchMode 'uid'",
    RoomsApp,
    async (server) => {
      const here = await server.connect({ from: '127.0.0.4' });
      await ask(here, 'join witnesses');
      for (const uid of ['nobody', 'left-out']) {
        const client = await server.connect({ from: '127.0.0.5' });
        client.send(`bind ${uid}\n`);
        await client.ended();
        client.end();
        expect(await here.receiveLine())
          .to.contain(`"uid":"${uid}"`)
          .and.contain('"reason":"dispatch"');
        expect(await ask(here, `here online ${uid}`)).to.equal('false');
      }
      expect((await server.stats()).refused).to.deep.equal({ DISPATCH_CLOSED: 2 });
      const welcome = await server.connect({ from: '127.0.0.5' });
      expect(await ask(welcome, 'bind somebody')).to.equal('true somebody');
    },
    { settings: { ...byHost, dispatchMode: 'uid' } },
  );

  inSimulation(
    'is asked for connect and close too, with enableUnsafeEvent',
    DoormanApp,
    async (server) => {
      const client = await server.connect();
      expect(await client.receiveLine()).to.equal('hello');
      expect(await ask(client, '1 a')).to.equal('1 a');
      client.send('close\n');
      await client.ended();
      client.end();
      await eventually(server, 'its end', () => linesOf(server, /^left \d+ by dispatch$/).length === 1);
    },
    { settings: byKey },
  );

  it('does not start with a mode of the other kind, or without a function, in both worlds', async () => {
    for (const start of [simulate, launch]) {
      const failure = async (dispatchMode: 'fixed' | 'preemptive', name: string): Promise<string> =>
        start(ClerkApp, { settings: { dispatchMode, dispatchModule: moduleAt(name) } }).then(
          async (server) => server.stop().then(() => 'it started'),
          (error: Error & { code?: string }) => `${error.code} ${error.message}`,
        );
      expect(await failure('preemptive', 'by-host')).to.match(
        /^CONFIG_DISPATCH_MODULE .*exports sticky = true/s,
      );
      expect(await failure('fixed', 'without-function')).to.match(/^CONFIG_DISPATCH_MODULE .*no function/s);
    }
  });
});
