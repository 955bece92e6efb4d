import { createSocket, type Socket } from 'node:dgram';
import { expect } from 'chai';
import { NodeNetwork } from '@shoal/core/internal/platform/node/network';
import type { DatagramOptions, DatagramSocket, Endpoint } from '@shoal/core/internal/platform/platform';
import { until } from './deadlines.js';

const network = new NodeNetwork({ write: () => {} });
const options: DatagramOptions = { host: '127.0.0.1', port: 0, ipv6Only: false, reusePort: false };

describe('NodeNetwork, for datagrams', function () {
  this.timeout(15_000);
  const sockets: { close(): unknown }[] = [];

  afterEach(async () => {
    await Promise.all(sockets.splice(0).map((socket) => socket.close()));
  });

  /** A socket, and what comes to it as text. */
  async function open(
    some: Partial<DatagramOptions> = {},
  ): Promise<{ socket: DatagramSocket; came: string[]; from: Endpoint[] }> {
    const came: string[] = [];
    const from: Endpoint[] = [];
    const socket = await network.openDatagrams(
      { ...options, ...some },
      {
        receive: (data, { address, port }) => {
          came.push(data.toString());
          from.push({ address, port });
        },
        failed: (error) => came.push(`failed: ${(error as NodeJS.ErrnoException).code}`),
      },
    );
    sockets.push(socket);
    return { socket, came, from };
  }

  function client(type: 'udp4' | 'udp6' = 'udp4'): Socket {
    const socket = createSocket(type);
    sockets.push({ close: () => socket.close() });
    return socket;
  }

  it('takes a free port for port 0, and sends from it', async () => {
    const { socket, came, from } = await open();
    const peer = client();
    const answers: string[] = [];
    peer.on('message', (data, { port }) => answers.push(`${data.toString()} from ${port}`));
    peer.send('hello', socket.endpoint.port, '127.0.0.1');
    await until('the datagram', () => came.length === 1);
    socket.send(Buffer.from('and back'), from[0]!.address, from[0]!.port);
    await until('the answer', () => answers.length === 1);
    expect(answers).to.deep.equal([`and back from ${socket.endpoint.port}`]);
    const { port } = socket.endpoint;
    await sockets.splice(sockets.indexOf(socket), 1)[0]!.close();
    expect(socket.endpoint.port, 'which it keeps').to.equal(port);
  });

  it('rejects with EADDRINUSE and EADDRNOTAVAIL as the system does', async () => {
    const { socket } = await open();
    const failure = async (some: Partial<DatagramOptions>): Promise<unknown> =>
      open(some).then(
        () => undefined,
        (error: NodeJS.ErrnoException) => error.code,
      );
    expect(await failure({ port: socket.endpoint.port })).to.equal('EADDRINUSE');
    expect(await failure({ host: '192.0.2.1' })).to.equal('EADDRNOTAVAIL');
  });

  it('holds 65,507 bytes, and tells that 65,508 failed', async () => {
    const a = await open({ recvBufferSize: 256 * 1024 });
    const b = await open();
    const { port } = a.socket.endpoint;
    b.socket.send(Buffer.alloc(65_507, 'x'), '127.0.0.1', port);
    await until('the datagram', () => a.came.length === 1);
    expect(a.came[0]!.length).to.equal(65_507);
    b.socket.send(Buffer.alloc(65_508), '127.0.0.1', port);
    await until('the failure', () => b.came.length === 1);
    expect(b.came).to.deep.equal(['failed: EMSGSIZE']);
  });

  it('tells that nothing can be sent to port 0, where a sender may claim to be', async () => {
    const { socket, came } = await open();
    socket.send(Buffer.from('to nobody'), '127.0.0.1', 0);
    expect(came).to.deep.equal(['failed: EINVAL']);
    const other = await open();
    socket.send(Buffer.from('on it goes'), '127.0.0.1', other.socket.endpoint.port);
    await until('what follows', () => other.came.length === 1);
  });

  it('takes both families on ::, and IPv6 alone where that is asked for', async () => {
    const both = await open({ host: '::' });
    const alone = await open({ host: '::', ipv6Only: true });
    for (const { socket } of [both, alone]) {
      client().send('four', socket.endpoint.port, '127.0.0.1');
      client('udp6').send('six', socket.endpoint.port, '::1');
    }
    await until('the datagrams', () => both.came.length === 2 && alone.came.length === 1);
    expect(both.from.map(({ address }) => address).toSorted()).to.deep.equal(['::1', '::ffff:127.0.0.1']);
    expect(alone.came).to.deep.equal(['six']);
    // What went to IPv4 alone would have come before this.
    client('udp6').send('last', alone.socket.endpoint.port, '::1');
    await until('the last one', () => alone.came.length === 2);
    expect(alone.came).to.deep.equal(['six', 'last']);
  });

  it('reads nothing from a socket that is only bound, and all of it once it is adopted', async () => {
    const bound = await network.bindDatagrams(options);
    const { port } = bound.endpoint;
    const peer = client();
    await new Promise((resolve) => peer.send('early', port, '127.0.0.1', resolve));
    // Whoever reads would have read by now: a round of another socket takes as long.
    const other = await open();
    peer.send('round', other.socket.endpoint.port, '127.0.0.1');
    await until('the round', () => other.came.length === 1);
    const came: string[] = [];
    const events = { receive: (data: Buffer) => void came.push(data.toString()), failed: () => {} };
    const socket = await network.adoptDatagrams(bound, options, events);
    sockets.push(socket);
    await until('the early one', () => came.length === 1);
    expect(came).to.deep.equal(['early']);
    expect(socket.endpoint.port).to.equal(port);
  });

  for (const [bindTo, host, from] of [
    ['::', '0.0.0.0', '::ffff:127.0.0.1'],
    ['127.0.0.1', '::', '127.0.0.1'],
  ] as const) {
    it(`sends from a socket on ${bindTo}, also where its listener is on ${host}, to addresses in either notation`, async () => {
      const bound = await network.bindDatagrams({ ...options, host: bindTo });
      const came: string[] = [];
      const events = {
        receive: (_: Buffer, { address }: Endpoint) => void came.push(address),
        failed: (error: Error) => void came.push(String(error)),
      };
      const socket = await network.adoptDatagrams(bound, { ...options, host }, events);
      sockets.push(socket);
      const peer = client();
      const answers: string[] = [];
      peer.on('message', (data) => answers.push(data.toString()));
      peer.send('hello', bound.endpoint.port, '127.0.0.1');
      await until('the datagram', () => came.length === 1);
      const { port } = peer.address();
      socket.send(Buffer.from('four'), '127.0.0.1', port);
      await until('the first answer', () => answers.length === 1);
      socket.send(Buffer.from('six'), '::ffff:127.0.0.1', port);
      await until('the second answer', () => answers.length === 2);
      expect(answers).to.deep.equal(['four', 'six']);
      expect(came).to.deep.equal([from]);
    });
  }

  it('reads nothing after it was stopped, and still sends', async () => {
    const { socket, came } = await open();
    const other = await open();
    socket.stop();
    const peer = client();
    peer.send('late', socket.endpoint.port, '127.0.0.1');
    socket.send(Buffer.from('still'), '127.0.0.1', other.socket.endpoint.port);
    await until('what it sends', () => other.came.length === 1);
    expect(came).to.deep.equal([]);
  });
});
