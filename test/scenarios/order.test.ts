import { expect } from 'chai';
import { GateApp } from '../fixtures/apps/gate.js';
import { ask, eventually, linesOf, logged } from './facts.js';
import { inSimulation, inWorlds } from './in-worlds.js';

describe('Order within a connection', () => {
  inSimulation('lets packets wait for an async @OnConnect', GateApp, async (server) => {
    const client = await server.connect({ listener: 'door' });
    const control = await server.connect({ listener: 'control' });
    client.send('one\ntwo\n');
    expect(await client.receiveLine()).to.equal('at the door');
    await eventually(
      server,
      'both packets to wait',
      async () => (await server.stats()).outstandingPackets === 2,
    );
    expect(await ask(control, 'held')).to.equal('1 held, 1 at most');
    expect(client.received.toString()).to.equal('at the door\n');
    control.send('one\n');
    await client.receive(/inside two\n/);
    expect(client.received.toString()).to.equal('at the door\ncome in\ninside one\ninside two\n');
  });

  inSimulation('lets the next packet wait for an async @OnReceive', GateApp, async (server) => {
    const client = await server.connect();
    const control = await server.connect({ listener: 'control' });
    client.send('one\ntwo\n');
    expect(await client.receiveLine()).to.equal('begin one');
    await eventually(
      server,
      'both packets to wait',
      async () => (await server.stats()).outstandingPackets === 2,
    );
    expect(await ask(control, 'held')).to.equal('1 held, 1 at most');
    control.send('one\n');
    await client.receive(/begin two\n/);
    expect(await ask(control, 'held')).to.equal('1 held, 1 at most');
    control.send('one\n');
    await client.receive(/end two\n/);
    expect(client.received.toString()).to.equal('begin one\nend one\nbegin two\nend two\n');
  });

  inWorlds(
    'runs `concurrency` packets of a connection at once and lets one more wait, and stalls no other connection',
    GateApp,
    async (server) => {
      const client = await server.connect({ listener: 'three' });
      const other = await server.connect({ listener: 'lines' });
      const plain = await server.connect({ listener: 'plain' });
      const control = await server.connect({ listener: 'control' });
      client.send('1\n2\n3\n4\n');
      await client.receive(/begin 3\n/);
      await eventually(server, 'four packets', async () => (await server.stats()).outstandingPackets === 4);
      expect(await ask(control, 'held')).to.equal('3 held, 3 at most');
      expect(await ask(plain, 'still here')).to.equal('still here');
      other.send('slow\n');
      expect(await other.receiveLine()).to.equal('begin slow');
      expect(await ask(control, 'held')).to.equal('4 held, 4 at most');
      control.send('one\n');
      await client.receive(/begin 4\n/);
      expect(client.received.toString()).to.equal('begin 1\nbegin 2\nbegin 3\nend 1\nbegin 4\n');
      control.send('all\n');
      await client.receive(/end 4\n/);
      expect(await other.receiveLine()).to.equal('end slow');
    },
  );

  inWorlds(
    'calls @OnClose last and once, after the packets that were accepted before a client broke off',
    GateApp,
    async (server) => {
      const client = await server.connect();
      const control = await server.connect({ listener: 'control' });
      client.send('one\ntwo\n');
      expect(await client.receiveLine()).to.equal('begin one');
      await eventually(server, 'both packets', async () => (await server.stats()).outstandingPackets === 2);
      client.reset();
      await eventually(server, 'the reset', async () => (await server.stats()).closedConnections === 1);
      expect(await ask(control, 'held')).to.equal('1 held, 1 at most');
      expect(linesOf(server, /^clos/)).to.have.length(0);
      control.send('all\n');
      await logged(server, 'closed error');
      expect(linesOf(server, /^(passed|closing|closed) ?/).map(({ message }) => message)).to.deep.equal([
        'passed one',
        'passed two',
        'closing',
        'closed error',
      ]);
      await eventually(server, 'its end', async () => (await server.stats()).connections === 1);
      const { handledPackets, outstandingPackets, refused, connections } = await server.stats();
      expect({ handledPackets, outstandingPackets, refused, connections }).to.deep.equal({
        handledPackets: 4,
        outstandingPackets: 0,
        refused: {},
        connections: 1,
      });
    },
  );

  inSimulation(
    'calls @OnClose after an async @OnConnect although the client has left meanwhile',
    GateApp,
    async (server) => {
      const client = await server.connect({ listener: 'door' });
      const control = await server.connect({ listener: 'control' });
      expect(await client.receiveLine()).to.equal('at the door');
      client.send('bye\n');
      client.end();
      await eventually(server, 'the packet', async () => (await server.stats()).outstandingPackets === 1);
      expect(linesOf(server, 'closing')).to.have.length(0);
      control.send('all\n');
      await client.ended();
      expect(client.received.toString()).to.equal('at the door\ncome in\ninside bye\n');
      await logged(server, 'closed client');
      expect(linesOf(server, 'closing')).to.have.length(1);
    },
  );

  inSimulation('refuses the packets that wait behind a close, and counts them', GateApp, async (server) => {
    const client = await server.connect();
    const control = await server.connect({ listener: 'control' });
    client.send('one\ntwo\nthree\n');
    expect(await client.receiveLine()).to.equal('begin one');
    await eventually(server, 'three packets', async () => (await server.stats()).outstandingPackets === 3);
    expect(await ask(control, `close ${await ask(control, 'ids')}`)).to.equal('true');
    await client.ended();
    client.end();
    control.send('all\n');
    await logged(server, 'closed server');
    await eventually(server, 'nothing left', async () => (await server.stats()).outstandingPackets === 0);
    expect((await server.stats()).refused).to.deep.equal({ CLOSED: 2 });
    expect(client.received.toString()).to.equal('begin one\n');
  });
});
