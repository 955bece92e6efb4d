import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { delimiter, tcp } from '@shoal/core';
import { launch, type LaunchedServer } from '@shoal/testing';
import { expect } from 'chai';
import { everythingIsPlayed } from '../exploration/breadth.js';
import { ClerkApp } from '../fixtures/apps/clerks.js';
import { tlsFile } from '../fixtures/tls/files.js';
import { logged } from '../scenarios/facts.js';

/** Of all processes, which boot anew each time. */
const RELOADS = everythingIsPlayed ? 20 : 2;
/** Of the certificates alone, by a server of one process, which refuses to reload its code. */
const READINGS = 20;
const NEWCOMERS = 4;
const STAYERS = 10;

describe('Certificates that are renewed while clients come and go', () => {
  let directory: string;
  let tls: { readonly cert: string; readonly key: string };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'shoal-test-'));
    tls = { cert: join(directory, 'server.crt'), key: join(directory, 'server.key') };
    put('localhost');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const put = (name: string): void => {
    copyFileSync(tlsFile(`${name}.crt`), tls.cert);
    copyFileSync(tlsFile(`${name}.key`), tls.key);
  };
  const settings = () => ({
    reactorNum: 1,
    workerNum: 1,
    bakeTime: 0,
    listeners: [
      tcp({
        name: 'secured',
        host: '127.0.0.1',
        port: 0,
        framing: delimiter('\n', { strip: true }),
        tls,
      }),
    ],
  });

  it(`are those of new connections after each of ${RELOADS} reloads, of which none is refused and none is closed`, async () => {
    const server = await launch(ClerkApp, { settings: settings() });
    await renewed(server, RELOADS, async () => {
      expect(await server.reload()).to.include({ outcome: 'done' });
    });
  }).timeout(180_000);

  it(`are those of new connections after each of ${READINGS} readings in a row by a server of one process`, async () => {
    const server = await launch(ClerkApp, { settings: { ...settings(), mode: 'base' } });
    await renewed(server, READINGS, async () => {
      const failure = await server.reload().catch((error: unknown) => error);
      expect(failure).to.have.property('code', 'NOT_SUPPORTED');
    });
  }).timeout(60_000);

  async function renewed(server: LaunchedServer, times: number, reload: () => Promise<void>): Promise<void> {
    try {
      const { port } = server.running.listeners[0]!;
      const crowd = await Crowd.start(port);
      for (let time = 0; time < times; time++) {
        const next = time % 2 === 0 ? 'renewed' : 'localhost';
        put(next);
        await reload();
        for (let count = 0; count < 2; count++) expect(await crowd.visit()).to.equal(next);
      }
      rmSync(tls.key);
      await reload().catch(() => undefined);
      const last = times % 2 === 0 ? 'localhost' : 'renewed';
      await logged(server, /^the certificates of before stay: listeners\[0\]\.tls\.key: .* is not there/);
      expect(await crowd.visit()).to.equal(last);
      await crowd.leave();
      expect(crowd.faults).to.deep.equal([]);
      expect((await server.stats()).refused).to.deep.equal({});
    } finally {
      await server.stop();
    }
  }
});

/** Clients that stay, and others that come, say something, and go. */
class Crowd {
  readonly faults: string[] = [];
  #leaving = false;
  #visits: Promise<void>[] = [];

  private constructor(
    private readonly port: number,
    private readonly stayers: readonly TLSSocket[],
  ) {
    for (const stayer of stayers) {
      stayer.on('close', () => {
        if (!this.#leaving) this.faults.push('one that stays was closed');
      });
    }
    this.#visits = Array.from({ length: NEWCOMERS }, async () => this.#comeAndGo());
  }

  static async start(port: number): Promise<Crowd> {
    const stayers = await Promise.all(Array.from({ length: STAYERS }, async () => secured(port)));
    return new Crowd(port, stayers);
  }

  /** The name in the certificate that a client gets now. */
  async visit(): Promise<string> {
    const socket = await secured(this.port);
    const name = socket.getPeerCertificate().subject.CN;
    expect(await answer(socket)).to.equal('hello 0\n');
    socket.destroy();
    return String(name);
  }

  /** Those that have stayed are still served. */
  async leave(): Promise<void> {
    for (const stayer of this.stayers) expect(await answer(stayer)).to.equal('hello 0\n');
    this.#leaving = true;
    await Promise.all(this.#visits);
    for (const stayer of this.stayers) stayer.destroy();
  }

  async #comeAndGo(): Promise<void> {
    while (!this.#leaving) await this.visit().catch((error: Error) => this.faults.push(error.message));
  }
}

function secured(port: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
    socket.once('error', reject);
    socket.once('secureConnect', () => resolve(socket));
  });
}

function answer(socket: TLSSocket): Promise<string> {
  return new Promise((resolve, reject) => {
    const closed = (): void => reject(new Error('closed without an answer'));
    socket.once('close', closed);
    socket.once('data', (data: Buffer) => {
      socket.off('close', closed);
      resolve(data.toString());
    });
    socket.write('hello\n');
  });
}
