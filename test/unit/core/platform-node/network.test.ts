import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { ByteStream, Listener, TcpListenOptions } from '@shoal/core/internal/platform/platform';
import { NodeNetwork, supportsReusePort } from '@shoal/core/internal/platform/node/network';
import { Client, endClients } from './client.js';
import { until } from './deadlines.js';
import { endPrograms, Program, fixture, track } from './program.js';

const network = new NodeNetwork({ write: () => {} });
const options: TcpListenOptions = {
  host: '127.0.0.1',
  port: 0,
  backlog: 511,
  noDelay: true,
  reusePort: false,
};

describe('NodeNetwork', function () {
  this.timeout(15_000);
  const listeners: Listener[] = [];

  afterEach(async () => {
    endClients();
    await Promise.all(listeners.splice(0).map((listener) => listener.close()));
    await endPrograms();
  });

  async function listen(some: Partial<TcpListenOptions> = {}, accept = echo): Promise<Listener> {
    const listener = await network.listen({ ...options, ...some }, accept);
    listeners.push(listener);
    return listener;
  }

  it('takes a free port for port 0, and says which', async () => {
    const { endpoint } = await listen();
    expect(endpoint.address).to.equal('127.0.0.1');
    const client = new Client(endpoint.port);
    client.send('hello');
    await client.receives('hello');
  });

  it('shows clients of IPv4 by their own address on a socket of both kinds, and takes none where told so', async () => {
    const seen: ByteStream[] = [];
    const see = (stream: ByteStream): void => {
      seen.push(stream);
      echo(stream);
    };
    const both = await listen({ host: '::' }, see);
    for (const host of ['127.0.0.1', '::1']) {
      const client = new Client(both.endpoint.port, host);
      client.send('x');
      await client.receives('x');
    }
    expect(seen.map(({ remote }) => remote.address)).to.deep.equal(['127.0.0.1', '::1']);
    expect(seen.map(({ local }) => local.address)).to.deep.equal(['127.0.0.1', '::1']);
    const six = await listen({ host: '::', ipv6Only: true }, see);
    const four = await listen({ host: '0.0.0.0', port: six.endpoint.port });
    expect(four.endpoint.port).to.equal(six.endpoint.port);
  });

  it('rejects with EADDRINUSE when the port is taken', async () => {
    const { endpoint } = await listen();
    expect(await failureOf(listen({ port: endpoint.port }))).to.have.property('code', 'EADDRINUSE');
  });

  it('rejects with EADDRNOTAVAIL when the address is not of this machine', async () => {
    expect(await failureOf(listen({ host: '192.0.2.1' }))).to.have.property('code', 'EADDRNOTAVAIL');
  });

  it('takes port 65535 for a number and refuses 65536', async () => {
    expect(await failureOf(listen({ port: 65_536 }))).to.have.property('code', 'ERR_SOCKET_BAD_PORT');
    const highest = await listen({ port: 65_535 }).catch((error: NodeJS.ErrnoException) => error);
    if (highest instanceof Error) expect(highest).to.have.property('code', 'EADDRINUSE');
    else expect(highest.endpoint.port).to.equal(65_535);
  });

  it('frees the port when it closes, while connections stay open', async () => {
    const first = await listen();
    const { port } = first.endpoint;
    const client = new Client(port);
    client.send('one');
    await client.receives('one');

    await first.close();
    await first.close();
    const refused = new Client(port);
    await until('a client is refused', () => refused.closed);
    expect(refused.error).to.have.property('code', 'ECONNREFUSED');

    const second = await listen({ port }, greet);
    expect(second.endpoint.port).to.equal(port);
    client.send(' two');
    await client.receives('one two');
    await new Client(port).receives('greetings');
  });

  it('listens several times on one port where reusePort is true, and refuses where it is not', async () => {
    if (network.reusePort) {
      const { endpoint } = await listen({ reusePort: true });
      const other = await listen({ port: endpoint.port, reusePort: true });
      expect(other.endpoint).to.deep.equal(endpoint);
    } else {
      expect(await failureOf(listen({ reusePort: true }))).to.have.property('code', 'ENOTSUP');
    }
  });

  for (const [version, system, supported] of [
    ['20.19.0', 'linux', false],
    ['22.11.0', 'linux', false],
    ['22.12.0', 'linux', true],
    ['23.0.0', 'linux', false],
    ['23.1.0', 'linux', true],
    ['24.0.0', 'linux', true],
    ['24.0.0', 'freebsd', true],
    ['24.0.0', 'darwin', false],
  ] as const) {
    it(`knows that Node ${version} on ${system} has ${supported ? '' : 'no '}reusePort`, () => {
      expect(supportsReusePort(version, system)).to.equal(supported);
    });
  }

  it('refuses at the door when it runs out of file descriptors, and goes on', async () => {
    const command = `ulimit -n 40 && exec "${process.execPath}" "${fileURLToPath(fixture('few-descriptors'))}"`;
    const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const program = track(new Program(child));
    const { port } = await program.says<{ port: number }>('port');

    const clients = Array.from({ length: 60 }, () => new Client(port));
    for (const client of clients) client.send('x');
    await until('each is served or refused', () =>
      clients.every(({ closed, received }) => closed || received === 'x'),
    );

    const served = clients.filter(({ received }) => received === 'x');
    expect(served.length).to.be.within(1, 59);
    served[0]!.send('y');
    await served[0]!.receives('xy');
    for (const { socket } of served.slice(1)) socket.destroy();
    await until('a new client is served', () => {
      const late = new Client(port);
      late.send('z');
      clients.push(late);
      return clients.some(({ received }) => received === 'z');
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

function greet(stream: ByteStream): void {
  echo(stream);
  stream.write(Buffer.from('greetings'));
}

function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}
