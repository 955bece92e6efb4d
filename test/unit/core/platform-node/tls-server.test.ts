import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { connect as connectSecurely, type ConnectionOptions } from 'node:tls';
import { expect } from 'chai';
import { NodeNetwork } from '@shoal/core/internal/platform/node/network';
import type { ByteStream, Listener, TlsInfo, TlsMaterial } from '@shoal/core/internal/platform/platform';
import { tlsText } from '../../../fixtures/tls/files.js';
import { until, within } from './deadlines.js';
import { Recorder } from './recorder.js';

const material: TlsMaterial = {
  cert: tlsText('localhost.crt'),
  key: tlsText('localhost.key'),
  sni: {},
  alpn: [],
  requestCert: false,
  rejectUnauthorized: true,
  minVersion: 'TLSv1.2',
};

const place = (port: number): ConnectionOptions => ({ host: '127.0.0.1', port, rejectUnauthorized: false });

describe('A server of TLS on real sockets', () => {
  const network = new NodeNetwork({ write: () => {} });
  const sockets: Socket[] = [];
  const secured: TlsInfo[] = [];
  const failed: string[] = [];
  const streams: Recorder[] = [];
  let listener: Listener | undefined;

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await listener?.close();
    secured.length = failed.length = streams.length = 0;
  });

  async function listen(
    more: Partial<TlsMaterial>,
    begun = (_abort: () => void): void => {},
    admit = (stream: ByteStream): void => void streams.push(new Recorder(stream)),
  ): Promise<number> {
    const server = network.tlsServer({ ...material, ...more });
    const options = {
      host: '127.0.0.1',
      port: 0,
      backlog: 10,
      noDelay: true,
      reusePort: false,
      secured: true,
    };
    listener = await network.listen(options, (stream) => {
      const { abort } = server.secure(stream, Buffer.alloc(0), {
        secured: (stream, info) => {
          secured.push(info);
          admit(stream);
        },
        failed: (reason) => void failed.push(reason),
      });
      begun(abort);
    });
    return listener.endpoint.port;
  }

  function client(
    port: number,
    options: ConnectionOptions,
  ): Socket & { readonly failure?: NodeJS.ErrnoException } {
    const socket = connectSecurely({ ...place(port), ...options });
    sockets.push(socket);
    return socket.on('error', (failure) => Object.assign(socket, { failure }));
  }

  it('speaks nothing older than minVersion, and tells the client so', async () => {
    const port = await listen({ minVersion: 'TLSv1.3' });
    const old = client(port, { maxVersion: 'TLSv1.2' });
    await until('it has closed', () => old.closed);
    expect(old.failure?.code).to.equal('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
    expect(failed).to.deep.equal(['unsupported protocol']);
    await within('the handshake', once(client(port, {}), 'secureConnect'));
    await until('it is secured', () => secured.length === 1);
    expect(secured[0]).to.deep.equal({ protocol: 'TLSv1.3', authorized: false });
  });

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`knows ${version === 'TLSv1.2' ? 'no name' : 'the name'} that a client asks for which resumes a session of ${version}`, async () => {
      const asks = { servername: 'a.example', maxVersion: version };
      const port = await listen({ ticketKeys: network.ticketKeys(material) });
      const beginner = client(port, asks).resume();
      const [session] = (await within('a ticket', once(beginner, 'session'))) as [Buffer];
      const again = connectSecurely({ ...place(port), ...asks, session });
      sockets.push(again);
      await within('the handshake', once(again, 'secureConnect'));
      expect(again.isSessionReused()).to.equal(true);
      await until('both are secured', () => secured.length === 2);
      const names = secured.map(({ servername }) => servername);
      expect(names).to.deep.equal(['a.example', version === 'TLSv1.2' ? undefined : 'a.example']);
    });

    it(`resumes what another with the same material has begun, and nothing of other material (${version})`, async () => {
      const device = { cert: tlsText('device.crt'), key: tlsText('device.key'), maxVersion: version };
      const members = { ...material, ca: tlsText('authority.crt'), requestCert: true };
      const begins = async (served: TlsMaterial): Promise<number> => {
        await listener?.close();
        return listen({ ...served, ticketKeys: network.ticketKeys(served) });
      };
      const beginner = client(await begins(members), device).resume();
      const [session] = (await within('a ticket', once(beginner, 'session'))) as [Buffer];
      const resumes = async (served: TlsMaterial): Promise<boolean> => {
        const socket = connectSecurely({ ...place(await begins(served)), ...device, session });
        sockets.push(socket);
        await within('the handshake', once(socket, 'secureConnect'));
        return socket.isSessionReused();
      };
      expect(await resumes(members)).to.equal(true);
      await until('both are secured', () => secured.length === 2);
      expect(secured[1]).to.deep.equal(secured[0]).and.to.include({ authorized: true });
      expect(await resumes({ ...members, alpn: ['other'] })).to.equal(false);
      await until('the last is secured', () => secured.length === 3);
    });

    it(`outlives connections that are reset the moment they are secured (${version})`, async () => {
      const turnAway = (stream: ByteStream): void => stream.destroy(true);
      const port = await listen({ minVersion: version }, undefined, turnAway);
      const clients = Array.from({ length: 20 }, () => client(port, { maxVersion: version }));
      await until('all are closed', () => clients.every(({ closed }) => closed));
      expect(secured).to.have.length(20);
    });
  }

  it('knows clients by certificates that they show', async () => {
    const port = await listen({ requestCert: true, rejectUnauthorized: false, ca: tlsText('authority.crt') });
    for (const name of ['device', 'stranger'])
      client(port, { cert: tlsText(`${name}.crt`), key: tlsText(`${name}.key`) });
    await until('both are secured', () => secured.length === 2);
    const known = secured.find(({ authorized }) => authorized);
    const stranger = secured.find(({ authorized }) => !authorized);
    expect(known?.peerCertificate?.subject).to.equal('CN=device 7');
    expect(known?.peerCertificate?.fingerprint256).to.match(/^([\dA-F]{2}:){31}[\dA-F]{2}$/);
    expect(known).to.not.have.property('authorizationError');
    expect(stranger?.peerCertificate?.subject).to.equal('CN=stranger');
    expect(stranger?.authorizationError).to.equal('DEPTH_ZERO_SELF_SIGNED_CERT');
  });

  it('says what is wrong with those who speak something else, or leave', async () => {
    const port = await listen({});
    for (const speak of [
      (socket: Socket) => socket.write('GET / HTTP/1.1\r\n\r\n'),
      (socket: Socket) => socket.end(),
      (socket: Socket) => socket.resetAndDestroy(),
    ]) {
      const before = failed.length;
      const socket = connect({ host: '127.0.0.1', port }).on('error', () => {});
      sockets.push(socket);
      await within('the connection', once(socket, 'connect'));
      speak(socket);
      await until('it has failed', () => failed.length > before);
    }
    expect(failed[0]).to.match(/http request|wrong version number/);
    expect(failed.slice(1)).to.deep.equal(['its client has left', 'its client has left']);
  });

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const)
    it(`closes who speaks something else after the handshake (${maxVersion})`, async () => {
      const port = await listen({});
      const wire = connect({ host: '127.0.0.1', port }).on('error', () => {});
      sockets.push(wire);
      const socket = connectSecurely({ socket: wire, rejectUnauthorized: false, maxVersion });
      await within(
        'the handshake',
        once(
          socket.on('error', () => {}),
          'secureConnect',
        ),
      );
      socket.write('hello');
      await until('its first words have come', () => streams[0]?.told.includes('data') === true);
      wire.write('no record of TLS');
      const [stream] = streams;
      await stream!.has('close');
      expect(stream!.failure).to.include({ code: 'ERR_SSL_WRONG_VERSION_NUMBER' });
      await until('its client is closed', () => wire.closed);
    });

  it('closes a handshake that is given up', async () => {
    const port = await listen({}, (abort) => abort());
    const socket = connect({ host: '127.0.0.1', port });
    sockets.push(socket);
    socket.on('error', () => {}).resume();
    await within('the end', new Promise((resolve) => socket.once('close', resolve)));
    expect(secured).to.deep.equal([]);
  });
});
