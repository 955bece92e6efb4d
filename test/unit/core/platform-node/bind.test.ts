import { expect } from 'chai';
import type {
  BoundListener,
  ByteStream,
  Listener,
  ListenOptions,
} from '@shoal/core/internal/platform/platform';
import { NodeNetwork } from '@shoal/core/internal/platform/node/network';
import { Client, endClients } from './client.js';
import { until } from './deadlines.js';
import { endPrograms, start, watch } from './program.js';

const network = new NodeNetwork({ write: () => {} });
const options: ListenOptions = { host: '127.0.0.1', port: 0, backlog: 511, noDelay: true, reusePort: false };

describe('a bound listener', function () {
  this.timeout(15_000);
  const bound: BoundListener[] = [];
  const listeners: Listener[] = [];

  afterEach(async () => {
    endClients();
    for (const each of bound.splice(0)) each.close();
    await Promise.all(listeners.splice(0).map((listener) => listener.close()));
    await endPrograms();
  });

  async function bind(port = 0): Promise<BoundListener> {
    const listener = await network.bind({ ...options, port });
    bound.push(listener);
    return listener;
  }

  async function adopt(listener: BoundListener): Promise<Listener> {
    bound.splice(bound.indexOf(listener), 1);
    const adopted = await network.adopt(listener, options, echo);
    listeners.push(adopted);
    return adopted;
  }

  it('takes a free port for port 0, and keeps clients waiting until somebody accepts', async () => {
    const listener = await bind();
    expect(listener.endpoint.address).to.equal('127.0.0.1');
    const client = new Client(listener.endpoint.port);
    client.send('early');
    await until('the client is connected', () => client.connected);
    expect(client.received).to.equal('');

    const adopted = await adopt(listener);
    expect(adopted.endpoint).to.deep.equal(listener.endpoint);
    await client.receives('early');
  });

  it('binds several at once', async () => {
    const several = await Promise.all([bind(), bind(), bind()]);
    expect(new Set(several.map(({ endpoint }) => endpoint.port)).size).to.equal(3);
  });

  it('rejects with EADDRINUSE when the port is taken', async () => {
    const { endpoint } = await bind();
    const failure = await bind(endpoint.port).catch((error: unknown) => error);
    expect(failure).to.be.an('error').with.property('code', 'EADDRINUSE');
  });

  it('frees the port when it is closed', async () => {
    const first = await network.bind(options);
    first.close();
    const second = await bind(first.endpoint.port);
    expect(second.endpoint).to.deep.equal(first.endpoint);
  });

  it('loses no client that connects while it is being bound', async () => {
    const free = await network.listen(options, echo);
    const { port } = free.endpoint;
    await free.close();

    const clients: Client[] = [];
    const state = { binding: true };
    const knocking = (async () => {
      while (state.binding) {
        const client = new Client(port);
        client.send('x');
        clients.push(client);
        await until('it is connected or refused', () => client.connected || client.closed);
      }
    })();
    const listener = await bind(port);
    await until('some are connected', () => clients.filter(({ connected }) => connected).length >= 3);
    state.binding = false;
    await knocking;

    await adopt(listener);
    const connected = clients.filter((client) => client.connected);
    await until('each is answered or lost', () =>
      connected.every(({ received, closed }) => received === 'x' || closed),
    );
    expect(connected.filter(({ received }) => received !== 'x')).to.deep.equal([]);
    expect(clients.length).to.be.greaterThan(connected.length);
  });

  it('serves from two processes, and the connections of one survive the death of the other', async () => {
    const program = start('shares-a-port');
    const { port, pids } = await program.says<{ port: number; pids: [number, number] }>('port');
    pids.forEach(watch);

    const clients: Client[] = [];
    for (const [serving, stopped] of [pids, pids.toReversed()] as [number, number][]) {
      process.kill(stopped, 'SIGSTOP');
      const client = new Client(port);
      await client.receives(`${serving}\n`);
      process.kill(stopped, 'SIGCONT');
      clients.push(client);
    }

    process.kill(pids[0], 'SIGKILL');
    await until('the connections of the dead are closed', () => clients[0]!.closed);
    clients[1]!.send('still here');
    await clients[1]!.receives('still here');
    await new Client(port).receives(`${pids[1]}\n`);

    // The orphans leave and free the port.
    program.process.kill('SIGKILL');
    await until('the port is free', () => {
      const client = new Client(port);
      clients.push(client);
      return clients.some(({ error }) => error?.code === 'ECONNREFUSED');
    });
  });
});

function echo(stream: ByteStream): void {
  stream.start({
    data: (chunk) => stream.write(chunk),
    end: () => stream.end(),
    drain: () => {},
    close: () => {},
  });
}
