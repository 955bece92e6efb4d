import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectSecurely } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import type { ConnectionOptions, TestClient, TestServer } from '@shoal/testing';
import { listeners, patient, patientBoth, SecuredApp } from '../fixtures/apps/secured.js';
import { tlsFile, tlsText } from '../fixtures/tls/files.js';
import { wayOfTheDay } from '../exploration/day.js';
import { eventually, linesOf, logged } from './facts.js';
import { inSimulation, inWorlds, withProcesses } from './in-worlds.js';

const base = { mode: 'base', workerNum: 2 } as const;
const single = { mode: 'base', workerNum: 1 } as const;
const few = { seeds: 5 };

function certificate(name: string): { cert: string; key: string } {
  return { cert: tlsText(`${name}.crt`), key: tlsText(`${name}.key`) };
}

interface Self {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localPort: number;
  readonly tls?: Readonly<Record<string, unknown>>;
}

async function whoAmI(client: TestClient): Promise<Self> {
  client.send('who\n');
  return JSON.parse(await client.receiveLine()) as Self;
}

async function echoes(client: TestClient, text = 'hello'): Promise<void> {
  client.send(`${text}\n`);
  expect(await client.receiveLine()).to.equal(`echo ${text}`);
}

async function refused(server: TestServer, counts: Record<string, number>): Promise<void> {
  await eventually(server, JSON.stringify(counts), async () => {
    // Their order is that of the reactors.
    return isDeepStrictEqual({ ...(await server.stats()).refused }, counts);
  });
}

/** Connects and is closed at once, which a real client may hear before it is connected. */
async function turnedAway(server: TestServer, from: string): Promise<void> {
  let client: TestClient;
  try {
    client = await server.connect({ from });
  } catch (error) {
    expect(error).to.have.property('code', 'ECONNRESET');
    return;
  }
  await client.closed();
}

async function rejects(connecting: Promise<unknown>): Promise<void> {
  const outcome = await connecting.then(
    () => 'connected',
    () => 'rejected',
  );
  expect(outcome).to.equal('rejected');
}

function endpointOf({ running }: TestServer): { host: string; port: number } {
  const { address: host, port } = running.listeners[0]!;
  return { host, port };
}

/** A session that a client may bring along. The clients of tests have none. */
async function ticketOf(server: TestServer): Promise<Buffer> {
  const socket = connectSecurely({ ...endpointOf(server), rejectUnauthorized: false }).resume();
  const [session] = (await once(socket, 'session')) as [Buffer];
  socket.destroy();
  return session;
}

async function resumes(server: TestServer, session: Buffer): Promise<boolean> {
  const socket = connectSecurely({ ...endpointOf(server), rejectUnauthorized: false, session });
  await once(socket, 'secureConnect');
  const reused = socket.isSessionReused();
  socket.destroy();
  return reused;
}

const commonNameOf = (client: TestClient): string | undefined => client.tls?.serverCertificate.subject;

describe('A listener with TLS', () => {
  inWorlds(
    'echoes, picks the certificate and the protocol, and tells handlers of both',
    SecuredApp,
    async (server) => {
      const plain = await server.connect({ listener: 'plain' });
      expect((await whoAmI(plain)).tls).to.equal(undefined);
      expect(plain.tls).to.equal(undefined);

      const connect = (tls: ConnectionOptions['tls']) => server.connect({ listener: 'secured', tls: tls! });
      const nobody = await connect({});
      await echoes(nobody);
      expect(commonNameOf(nobody)).to.equal('CN=localhost');
      expect((await whoAmI(nobody)).tls).to.deep.equal({ protocol: 'TLSv1.3', authorized: false });

      const named = await connect({ servername: 'a.example', alpn: ['line/1', 'line/2'] });
      expect(commonNameOf(named)).to.equal('CN=a.example');
      expect(named.tls?.alpnProtocol).to.equal('line/2');
      expect((await whoAmI(named)).tls).to.deep.include({ servername: 'a.example', alpnProtocol: 'line/2' });

      expect(commonNameOf(await connect({ servername: 'x.wild.example' }))).to.equal('CN=wild.example');
      expect(commonNameOf(await connect({ servername: 'x.y.wild.example' }))).to.equal('CN=localhost');
      await rejects(connect({ alpn: ['other'] }));
      await refused(server, { TLS_HANDSHAKE_FAILED: 1 });
      const { connections, acceptedConnections } = await server.stats();
      expect({ connections, acceptedConnections }).to.deep.equal({ connections: 5, acceptedConnections: 5 });
    },
    few,
  );

  for (const [mode, settings] of Object.entries({ base, single }))
    inSimulation(`echoes in ${mode} mode`, SecuredApp, async (server) => {
      const client = await server.connect({ listener: 'secured', tls: { servername: 'a.example' } });
      await echoes(client);
      expect(commonNameOf(client)).to.equal('CN=a.example');
      expect((await whoAmI(client)).tls).to.include({ servername: 'a.example' });
    }, { settings, ...few }); // prettier-ignore

  inWorlds(
    'shows handlers the certificate of the client, and refuses clients without one if it must',
    SecuredApp,
    async (server) => {
      const member = await server.connect({
        listener: 'members',
        tls: { certificate: certificate('device') },
      });
      const { tls } = await whoAmI(member);
      expect(tls).to.deep.include({ authorized: true });
      expect(tls?.['peerCertificate']).to.include({
        subject: 'CN=device 7',
        issuer: 'CN=Test Authority',
        subjectaltname: '',
        valid_to: 'Jan  1 00:00:00 2120 GMT',
      });
      for (const strange of [{}, { certificate: certificate('stranger') }]) {
        // With TLS 1.3 a client has finished before the server looks at its certificate.
        const outsider = await server.connect({ listener: 'members', tls: strange });
        await outsider.ended();
        const guest = await server.connect({ listener: 'guests', tls: strange });
        const seen = await whoAmI(guest);
        expect(seen.tls).to.include({ authorized: false });
        expect(seen.tls?.['authorizationError']).to.be.a('string');
      }
      await refused(server, { TLS_HANDSHAKE_FAILED: 2 });
    },
    few,
  );

  inSimulation(
    'turns away what is not TLS, or leaves too early, and logs it once',
    SecuredApp,
    async (server) => {
      const healthy = await server.connect({ listener: 'secured', tls: {} });
      const plain = await server.connect({ listener: 'secured' });
      plain.send('GET / HTTP/1.1\r\n\r\n');
      await plain.ended();
      const early = await server.connect({ listener: 'secured' });
      early.reset();
      await refused(server, { TLS_HANDSHAKE_FAILED: 2 });
      expect(
        linesOf(server, /^closed a connection of listener secured: the handshake failed/),
      ).to.have.length(1);
      await echoes(healthy);
      expect((await server.stats()).acceptedConnections).to.equal(1);
    },
    few,
  );

  inSimulation(
    'waits exactly handshakeTimeout for a handshake',
    SecuredApp,
    async (server) => {
      const silent = await server.connect({ listener: 'secured' });
      await server.advance(299);
      expect(silent.state).to.equal('open');
      await server.advance(2);
      await silent.closed();
      await refused(server, { TLS_HANDSHAKE_TIMEOUT: 1 });
    },
    few,
  );

  inSimulation(
    'has maxHandshakes under way, and closes one more',
    SecuredApp,
    async (server) => {
      const connect = () => server.connect({ listener: 'secured' });
      const silent = [await connect(), await connect(), await connect()];
      const next = await connect();
      await next.closed();
      expect((await server.stats()).refused).to.deep.equal({ ENTRANCE_FULL: 1 });
      for (const client of silent) await client.closed();
      await refused(server, { ENTRANCE_FULL: 1, TLS_HANDSHAKE_TIMEOUT: 3 });
      await echoes(await server.connect({ listener: 'secured', tls: {} }));
    },
    few,
  );

  const counted = { listeners: [patient], maxConnectionPerAddress: 2, reactorNum: 2 };
  const countsHandshakes = async (server: TestServer): Promise<void> => {
    const silent = (): Promise<TestClient> => server.connect({ from: '127.0.0.2' });
    const [first] = [await silent(), await silent()];
    await server.advance(20);
    await turnedAway(server, '127.0.0.2');
    await refused(server, { ADDRESS_LIMIT: 1 });
    await logged(server, /^closing new connections of 127\.0\.0\.2 on listener patient at once/);
    await echoes(await server.connect({ tls: {}, from: '127.0.0.3' }));
    first.reset();
    await refused(server, { ADDRESS_LIMIT: 1, TLS_HANDSHAKE_FAILED: 1 });
    const secured = await server.connect({ tls: {}, from: '127.0.0.2' });
    await echoes(secured);
    await turnedAway(server, '127.0.0.2');
    await refused(server, { ADDRESS_LIMIT: 2, TLS_HANDSHAKE_FAILED: 1 });
    secured.end();
    await eventually(server, 'room', async () => (await server.stats()).connections === 1);
    await echoes(await server.connect({ tls: {}, from: '127.0.0.2' }));
    expect((await server.stats()).acceptedConnections).to.equal(3);
  };
  inWorlds('counts those whose handshake is under way among the connections of their address', SecuredApp, countsHandshakes, {
    settings: counted,
    ...few,
  }); // prettier-ignore
  inSimulation('counts them so in base mode', SecuredApp, countsHandshakes, {
    settings: { ...counted, ...single },
    ...few,
  });

  inSimulation(
    'counts them so by the address of the client behind a load balancer, once that is known',
    SecuredApp,
    async (server) => {
      const unknown = [await server.connect(), await server.connect(), await server.connect()];
      const from = '203.0.113.7';
      const silent = [await server.connect({ proxy: { from } }), await server.connect({ proxy: { from } })];
      await server.advance(20);
      await (await server.connect({ proxy: { from } })).closed();
      await refused(server, { ADDRESS_LIMIT: 1 });
      for (const { state } of [...unknown, ...silent]) expect(state).to.equal('open');
      await echoes(await server.connect({ tls: {}, proxy: { from: '203.0.113.8' } }));
    },
    { settings: { ...counted, listeners: [patientBoth] }, ...few },
  );

  inSimulation(
    'takes what connectRate allows before the handshake',
    SecuredApp,
    async (server) => {
      const silent = [await server.connect(), await server.connect()];
      await server.advance(20);
      await (await server.connect()).closed();
      await refused(server, { CONNECT_RATE: 1 });
      for (const { state } of silent) expect(state).to.equal('open');
    },
    { settings: { listeners: [patient], connectRate: 2, connectRateInterval: '1m' }, ...few },
  );

  inSimulation(
    'begins no handshake where maxConnection is reached, and counts none that has not ended',
    SecuredApp,
    async (server) => {
      const silent = [await server.connect(), await server.connect(), await server.connect()];
      const client = await server.connect({ tls: {} });
      await echoes(client);
      await echoes(await server.connect({ tls: {} }));
      await (await server.connect()).closed();
      await refused(server, { CONNECTION_LIMIT: 1 });
      for (const { state } of silent) expect(state).to.equal('open');
      client.end();
      await eventually(server, 'room', async () => (await server.stats()).connections === 1);
      await echoes(await server.connect({ tls: {} }));
    },
    { settings: { listeners: [patient], maxConnection: 2, maxConnectionPerAddress: 5 }, ...few },
  );

  inWorlds(
    'answers a client that has ended its side, and one that reads slowly',
    SecuredApp,
    async (server) => {
      const client = await server.connect({ listener: 'secured', tls: {} });
      client.send('one\ntwo\n');
      client.end();
      await client.ended();
      expect(client.received.toString()).to.equal('echo one\necho two\n');
      const slow = await server.connect({ listener: 'secured', tls: {} });
      slow.pause();
      slow.send('much 4000000\nbye\n');
      await echoes(await server.connect({ listener: 'secured', tls: {} }));
      slow.resume();
      expect((await slow.receive(4_000_001)).length).to.equal(4_000_001);
      expect(await slow.receiveLine()).to.equal('bye');
      await slow.ended();
    },
    few,
  );

  inSimulation(
    'keeps its connections, and what handlers know of them, when workers are lost',
    SecuredApp,
    async (server) => {
      const client = await server.connect({ listener: 'secured', tls: { servername: 'a.example' } });
      await echoes(client);
      for (const workerId of [0, 1]) await server.crashWorker(workerId);
      await echoes(client);
      expect((await whoAmI(client)).tls).to.include({ servername: 'a.example' });
    },
    few,
  );
});

describe('Certificates', () => {
  let directory: string;
  const fresh = (): void => put('localhost', 'localhost');
  const place = (name: string): string => join(directory, name);
  const put = (cert: string, key: string): void => {
    copyFileSync(tlsFile(`${cert}.crt`), place('server.crt'));
    copyFileSync(tlsFile(`${key}.key`), place('server.key'));
  };
  directory = mkdtempSync(join(tmpdir(), 'shoal-test-'));
  fresh();
  after(() => rmSync(directory, { recursive: true }));
  afterEach(fresh);

  const tls = { cert: place('server.crt'), key: place('server.key') };
  const settings = { listeners: [{ ...listeners.secured, tls }] };
  const subject = async (server: TestServer): Promise<string | undefined> =>
    commonNameOf(await server.connect({ tls: {} }));

  inWorlds('are read anew by a reload, which closes no connection', SecuredApp, renewed, {
    settings,
    ...few,
  });

  // Where workers own the sockets, an old one serves its connections to their end or its own.
  inWorlds('are read anew by a reload in base mode', SecuredApp, renewed, {
    settings: { ...settings, ...base, maxWaitTime: 1_000 },
    ...few,
  });

  inSimulation('reach the workers that run, and those that come later, in base mode', SecuredApp, async (server) => {
    put('renewed', 'renewed');
    const reloading = server.reload();
    expect(await subject(server)).to.equal('CN=renewed');
    await reloading;
    for (const workerId of [0, 1]) await server.crashWorker(workerId);
    expect(await subject(server)).to.equal('CN=renewed');
    fresh();
  }, { settings: { ...settings, ...base }, ...few }); // prettier-ignore

  // Which owner of sockets accepts is not for a test to say: of eight connections hardly all come to one.
  for (const [owners, more] of wayOfTheDay(Object.entries({ reactor: { reactorNum: 2 }, worker: base })))
    withProcesses(`let clients resume their sessions, whichever ${owners} accepts, until they are renewed`, SecuredApp,
      async (server) => {
        const session = await ticketOf(server);
        const resumed = async (): Promise<boolean[]> => {
          const each: boolean[] = [];
          for (let count = 0; count < 8; count++) each.push(await resumes(server, session));
          return each;
        };
        expect(await resumed()).to.not.include(false);
        await server.reload();
        expect(await resumed()).to.not.include(false);
        put('renewed', 'renewed');
        await server.reload();
        expect(await resumed()).to.not.include(true);
        fresh();
      }, { settings: { ...settings, ...more } }); // prettier-ignore

  inSimulation('stay as they were where the new key does not fit', SecuredApp, unfit, { settings, ...few });
  inSimulation('stay as they were in base mode, too', SecuredApp, unfit, {
    settings: { ...settings, ...base },
  });

  inSimulation('stay as they were where the files are damaged or gone', SecuredApp, async (server) => {
    writeFileSync(tls.cert, 'nonsense');
    expect((await server.reload()).certificateProblems?.join()).to.include('is not a certificate in PEM');
    rmSync(tls.cert);
    expect((await server.reload()).certificateProblems?.join()).to.include('is not there');
    expect(await subject(server)).to.equal('CN=localhost');
    fresh();
  }, { settings, ...few }); // prettier-ignore

  inSimulation('are not read by a reload of the task workers alone', SecuredApp, async (server) => {
    put('renewed', 'renewed');
    await server.reload({ only: 'task' });
    expect(await subject(server)).to.equal('CN=localhost');
    fresh();
  }, { settings: { ...settings, taskWorkerNum: 1 }, ...few }); // prettier-ignore

  inSimulation('of a single process are read anew, although its code is not', SecuredApp, async (server) => {
    put('renewed', 'renewed');
    const failure = await server.reload().catch((error: unknown) => error);
    expect(failure).to.have.property('code', 'NOT_SUPPORTED');
    expect(await subject(server)).to.equal('CN=renewed');
    fresh();
  }, { settings: { ...settings, ...single }, ...few }); // prettier-ignore

  async function renewed(server: TestServer): Promise<void> {
    const client = await server.connect({ tls: {} });
    await echoes(client, 'before');
    put('renewed', 'renewed');
    expect(await subject(server)).to.equal('CN=localhost');
    const report = await server.reload();
    expect(report).to.include({ outcome: 'done' });
    expect(report).to.not.have.property('certificateProblems');
    expect(await subject(server)).to.equal('CN=renewed');
    if (client.state === 'open') await echoes(client, 'after');
    fresh();
  }

  async function unfit(server: TestServer): Promise<void> {
    put('renewed', 'localhost');
    const report = await server.reload();
    const problem = `listeners[0].tls.key: '${tls.key}' does not fit the certificate`;
    expect(report.outcome).to.equal('done');
    expect(report.certificateProblems?.join()).to.include(problem);
    expect(await subject(server)).to.equal('CN=localhost');
    await logged(server, /^the certificates of before stay: /);
    fresh();
  }
});
