import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { connect as connectSecurely } from 'node:tls';
import { expect } from 'chai';
import type { ByteStream, TlsMaterial } from '@shoal/core/internal/platform/platform';
import { NodeNetwork } from '@shoal/core/internal/platform/node/network';
import { NodePipes } from '@shoal/core/internal/platform/node/pipes';
import { tlsText } from '../../../fixtures/tls/files.js';
import { until, within } from './deadlines.js';
import { Recorder } from './recorder.js';

const log = { write: () => {} };

/** Makes a stream whose other end is a plain socket of Node. */
type Transport = (
  accept: (stream: ByteStream) => void,
) => Promise<{ connect(): Socket; close(): Promise<unknown> }>;

const material: TlsMaterial = {
  cert: tlsText('localhost.crt'),
  key: tlsText('localhost.key'),
  sni: {},
  alpn: [],
  requestCert: false,
  rejectUnauthorized: true,
  minVersion: 'TLSv1.2',
};

const secure =
  (version: 'TLSv1.2' | 'TLSv1.3'): Transport =>
  async (accept) => {
    const network = new NodeNetwork(log);
    const server = network.tlsServer(material);
    const options = {
      host: '127.0.0.1',
      port: 0,
      backlog: 511,
      noDelay: true,
      reusePort: false,
      secured: true,
    };
    const listener = await network.listen(options, (stream) => {
      server.secure(stream, Buffer.alloc(0), { secured: accept, failed: () => {} });
    });
    const { port } = listener.endpoint;
    return {
      connect: () => {
        const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
        const versions = { minVersion: version, maxVersion: version };
        const secured = connectSecurely({ socket, rejectUnauthorized: false, ...versions });
        wires.set(secured, socket);
        secured.once('secureConnect', () => secured.emit('usable'));
        return secured;
      },
      close: () => listener.close(),
    };
  };

/** The sockets of TCP below those of TLS. */
const wires = new WeakMap<Socket, Socket>();

const transports: Record<'tcp' | 'unix' | 'TLS 1.2' | 'TLS 1.3', Transport> = {
  'TLS 1.2': secure('TLSv1.2'),
  'TLS 1.3': secure('TLSv1.3'),
  tcp: async (accept) => {
    const options = { host: '127.0.0.1', port: 0, backlog: 511, noDelay: true, reusePort: false };
    const listener = await new NodeNetwork(log).listen(options, accept);
    const { port } = listener.endpoint;
    return {
      connect: () => connect({ port, host: '127.0.0.1', allowHalfOpen: true }),
      close: () => listener.close(),
    };
  },
  unix: async (accept) => {
    const directory = mkdtempSync(join(tmpdir(), 'shoal-test-'));
    const path = join(directory, 'socket');
    const listener = await new NodePipes(log).listen(path, accept);
    return {
      connect: () => connect({ path, allowHalfOpen: true }),
      close: async () => {
        await listener.close();
        rmSync(directory, { recursive: true });
      },
    };
  },
};

for (const transport of ['tcp', 'unix', 'TLS 1.2', 'TLS 1.3'] as const) {
  describe(`NodeStream over ${transport}`, function () {
    this.timeout(10_000);
    const sockets: Socket[] = [];
    const accepted: Recorder[] = [];
    let place: Awaited<ReturnType<Transport>>;

    before(async () => {
      place = await transports[transport]((stream) => accepted.push(new Recorder(stream)));
    });
    afterEach(async () => {
      for (const socket of sockets.splice(0)) socket.destroy();
      const recorders = accepted.splice(0);
      for (const { stream } of recorders) stream.destroy();
      await until('every stream has closed', () => recorders.every(({ told }) => told.at(-1) === 'close'));
      for (const recorder of recorders) expect(recorder.count('close')).to.equal(1);
    });
    after(() => place.close());

    async function open(): Promise<{ recorder: Recorder; stream: ByteStream; peer: Socket }> {
      const before = accepted.length;
      const peer = place.connect();
      sockets.push(peer);
      peer.on('error', () => {});
      await within('the connection', once(peer, wires.has(peer) ? 'usable' : 'connect'));
      await until('it is accepted', () => accepted.length > before);
      const recorder = accepted.at(-1)!;
      return { recorder, stream: recorder.stream, peer };
    }

    /** Writes small chunks until the system takes no more; the peer does not read. */
    async function fill({ stream, told }: Recorder): Promise<number> {
      let written = 0;
      const chunk = Buffer.alloc(1024, 'f');
      // The system moves bytes on while we write: it is full when it stays so for a turn.
      for (;;) {
        for (; stream.buffered === 0; written += chunk.length) stream.write(chunk);
        await new Promise((resolve) => setImmediate(resolve));
        if (stream.buffered === 0) continue;
        // TLS takes every write a little later only, and tells that it has.
        told.length = 0;
        return written;
      }
    }

    it('tells data, then end, then close', async () => {
      const { recorder, stream, peer } = await open();
      peer.end('some bytes');
      await recorder.has('end');
      expect(recorder.bytes.toString()).to.equal('some bytes');
      stream.end();
      await recorder.has('close');
      expect(recorder.told).to.deep.equal(['data', 'end', 'close']);
      expect(recorder.failure).to.equal(undefined);
    });

    it('still writes when the peer has ended', async () => {
      const { recorder, stream, peer } = await open();
      const answer = new Collected(peer);
      peer.end('question');
      await recorder.has('end');
      stream.write(Buffer.from('answer'));
      stream.end();
      expect((await answer.whole()).toString()).to.equal('answer');
    });

    it('stays open after end until the peer has ended too', async () => {
      const { recorder, stream, peer } = await open();
      const ended = once(peer.resume(), 'end');
      stream.end();
      await within('our end', ended);
      peer.write('more from the peer');
      await recorder.received('more from the peer');
      expect(recorder.told).to.not.include('close');
      peer.end();
      await recorder.has('close');
      expect(recorder.told.slice(-2)).to.deep.equal(['end', 'close']);
    });

    it('flushes what was written before it ends', async () => {
      const { recorder, stream, peer } = await open();
      peer.pause();
      const written = await fill(recorder);
      const tail = Buffer.alloc(300_000, 't');
      stream.write(tail);
      stream.end();
      const collected = new Collected(peer);
      expect((await collected.whole()).length).to.equal(written + tail.length);
      await recorder.has('drain');
      expect(recorder.count('drain')).to.equal(1);
    });

    it('writes several chunks in order', async () => {
      const { stream, peer } = await open();
      const collected = new Collected(peer);
      stream.writeAll([]);
      stream.writeAll([Buffer.from('one ')]);
      stream.writeAll([Buffer.from('two '), Buffer.from('three '), Buffer.from('four ')]);
      stream.write(Buffer.from('five'));
      stream.end();
      expect((await collected.whole()).toString()).to.equal('one two three four five');
    });

    it('tells drain once when the system has taken all of what waited, be it a few bytes', async () => {
      const { recorder, stream, peer } = await open();
      peer.pause();
      await fill(recorder);
      expect(stream.buffered).to.be.within(1, 1024);
      expect(recorder.told).to.not.include('drain');
      peer.resume();
      await recorder.has('drain');
      expect(stream.buffered).to.equal(0);
      stream.write(Buffer.from('a write that the system takes at once'));
      stream.end();
      await within('the end', once(peer, 'end'));
      expect(recorder.count('drain')).to.equal(transport.startsWith('TLS') ? 2 : 1);
    });

    it('tells drain for the last of the writes that waited, not for an earlier one', async () => {
      const { recorder, stream, peer } = await open();
      peer.pause();
      await fill(recorder);
      const seen: number[] = [];
      recorder.drain = () => void seen.push(stream.buffered);

      const second = Buffer.alloc(16 * 1024 * 1024);
      stream.write(second);
      peer.resume();
      while (stream.buffered > second.length) await new Promise((resolve) => setImmediate(resolve));
      expect(stream.buffered).to.equal(second.length);
      stream.writeAll([Buffer.alloc(second.length), Buffer.alloc(1)]);
      await until('it has drained', () => stream.buffered === 0 && seen.length > 0);
      expect(seen).to.deep.equal([0]);
    });

    it('ignores writes after end and after destroy', async () => {
      const { recorder, stream, peer } = await open();
      const collected = new Collected(peer);
      stream.write(Buffer.from('last'));
      stream.end();
      stream.end();
      stream.write(Buffer.from('late'));
      stream.writeAll([Buffer.from('late'), Buffer.from('r')]);
      expect((await collected.whole()).toString()).to.equal('last');
      stream.destroy();
      stream.destroy(true);
      stream.end();
      stream.write(Buffer.from('too late'));
      stream.pause();
      stream.resume();
      await recorder.has('close');
      stream.write(Buffer.from('too late'));
      stream.destroy(true);
      expect(stream.buffered).to.equal(0);
      expect(recorder.failure).to.equal(undefined);
    });

    it('is gone from the moment in which it is destroyed, and after its end it is not', async () => {
      const { recorder, stream } = await open();
      expect(stream.gone).to.equal(false);
      stream.end();
      expect(stream.gone).to.equal(false);
      stream.destroy(true);
      expect(stream.gone).to.equal(true);
      await recorder.has('close');
      expect(stream.gone).to.equal(true);
    });

    if (!transport.startsWith('TLS'))
      it('is gone from the moment in which a write fails, though that is told later', async () => {
        const { recorder, stream, peer } = await open();
        if (transport === 'tcp') peer.resetAndDestroy();
        else peer.destroy();
        expect(stream.gone).to.equal(false);
        stream.write(Buffer.from('for nobody'));
        expect([stream.buffered, stream.gone, recorder.told]).to.deep.equal([0, true, []]);
        await recorder.has('close');
      });

    it('tells no data while paused, however often it was paused, and all of it after one resume', async () => {
      const { recorder, stream, peer } = await open();
      stream.pause();
      stream.pause();
      await new Promise((resolve) => peer.write('waiting', resolve));
      const other = await open();
      other.peer.write('x');
      await other.recorder.received('x');
      expect(recorder.told).to.deep.equal([]);
      stream.resume();
      stream.resume();
      await recorder.received('waiting');
      expect(recorder.bytes.toString()).to.equal('waiting');
    });

    it('can be paused from within data', async () => {
      const { recorder, stream, peer } = await open();
      const sent = Buffer.alloc(4 * 1024 * 1024, 'p');
      let paused = false;
      let chunksWhilePaused = 0;
      recorder.onData = () => {
        if (paused) chunksWhilePaused += 1;
        paused = true;
        stream.pause();
        setImmediate(() => {
          paused = false;
          stream.resume();
        });
      };
      peer.end(sent);
      await recorder.has('end');
      expect(recorder.bytes.equals(sent)).to.equal(true);
      expect(chunksWhilePaused).to.equal(0);
    });

    it('tells nothing but close once it was destroyed, whatever Node had read before', async () => {
      const { recorder, stream, peer } = await open();
      stream.pause();
      for (const chunk of ['first', 'second']) {
        peer.write(chunk);
        const other = await open();
        other.peer.write('x');
        await other.recorder.received('x');
      }
      recorder.onData = () => stream.destroy();
      stream.resume();
      await recorder.has('close');
      expect(recorder.told).to.deep.equal(['data', 'close']);
    });

    it('drops what waits when it is destroyed', async () => {
      const { recorder, stream, peer } = await open();
      peer.pause();
      await fill(recorder);
      stream.destroy();
      await recorder.has('close');
      expect(recorder.told).to.deep.equal(['close']);
      expect(recorder.failure).to.equal(undefined);
    });

    it('closes without a crash when it writes to a peer that has gone', async () => {
      const { recorder, stream, peer } = await open();
      peer.destroy();
      await until('the stream has noticed', () => {
        stream.write(Buffer.from('anybody there?'));
        return recorder.told.includes('close');
      });
      expect(recorder.failure)
        .to.be.an('error')
        .with.property('code')
        .that.matches(/^(EPIPE|ECONNRESET)$/);
    });

    it('keeps its endpoints when it has closed', async () => {
      const { recorder, stream, peer } = await open();
      const { localPort, remotePort } = peer;
      stream.destroy();
      await recorder.has('close');
      if (transport !== 'unix') {
        expect(stream.remote).to.deep.equal({ address: '127.0.0.1', port: localPort });
        expect(stream.local).to.deep.equal({ address: '127.0.0.1', port: remotePort });
      } else {
        expect(stream.local).to.deep.equal({ address: stream.remote.address, port: 0 });
      }
    });

    it('closes when it is reset in the turn in which it ends', async () => {
      const { recorder, stream } = await open();
      stream.end();
      stream.destroy(true);
      await recorder.has('close');
    });

    it('closes when it is reset one turn after it has ended', async () => {
      const { recorder, stream } = await open();
      stream.write(Buffer.from('x'));
      stream.end();
      await new Promise((resolve) => process.nextTick(resolve));
      stream.destroy(true);
      await recorder.has('close');
    });

    if (transport === 'unix') return;

    if (transport === 'tcp') it('sends RST when it is reset, and FIN when it is destroyed', resetsAndEnds);
    else it('ends without a word of TLS when it is reset, and when it is destroyed', endsEachTime);

    async function endsEachTime(): Promise<void> {
      for (const reset of [true, false]) {
        const { stream, peer, recorder } = await open();
        const ended = once(peer.resume(), 'end');
        stream.destroy(reset);
        await within('the end', ended);
        await recorder.has('close');
      }
    }

    async function resetsAndEnds(): Promise<void> {
      const first = await open();
      const failed = new Promise<NodeJS.ErrnoException>((resolve) => first.peer.once('error', resolve));
      first.peer.resume();
      first.stream.destroy(true);
      expect(await within('the reset', failed)).to.have.property('code', 'ECONNRESET');

      const second = await open();
      const ended = once(second.peer.resume(), 'end');
      second.stream.destroy();
      await within('the end', ended);
    }

    it('tells the error with close when the peer resets', async () => {
      const { recorder, peer } = await open();
      (wires.get(peer) ?? peer).resetAndDestroy();
      await recorder.has('close');
      expect(recorder.told).to.deep.equal(['close']);
      expect(recorder.failure).to.have.property('code', 'ECONNRESET');
    });
  });
}

/** What a plain socket receives until the other side ends. */
class Collected {
  readonly #chunks: Buffer[] = [];
  readonly #end: Promise<unknown>;

  constructor(socket: Socket) {
    socket.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
    this.#end = once(socket, 'end');
    socket.resume();
  }

  async whole(): Promise<Buffer> {
    await within('the end of what is sent', this.#end);
    return Buffer.concat(this.#chunks);
  }
}
