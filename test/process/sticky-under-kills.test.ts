import net from 'node:net';
import { delimiter, tcp } from '@shoal/core';
import { launch, type LaunchedServer } from '@shoal/testing';
import { expect } from 'chai';
import { everythingIsPlayed } from '../exploration/breadth.js';
import { wayOfTheDay } from '../exploration/day.js';
import { ClerkApp } from '../fixtures/apps/clerks.js';
import { eventually } from '../scenarios/facts.js';

const KILLS = everythingIsPlayed ? 12 : 3;
const WORKERS = 3;
const CLIENTS = 24;
/** Answers between two kills: a packet that three deaths in a row hit would be poison by the rule. */
const PROGRESS = 300;

const names = ['one', 'two', 'three'];
const settings = {
  reactorNum: 3,
  workerNum: WORKERS,
  // Where threads cannot share a port each listener has one reactor.
  listeners: names.map((name) =>
    tcp({ name, host: '127.0.0.1', port: 0, framing: delimiter('\n', { strip: true }) }),
  ),
};

describe('Under clients that come and go, on three reactors', () => {
  for (const dispatchMode of wayOfTheDay(['ipHash', 'leastConnections'] as const))
    it(`'${dispatchMode}' loses nothing when workers are killed, moves no connection, and its counts come true`, async () => {
      const server = await launch(ClerkApp, { settings: { ...settings, dispatchMode } });
      try {
        const crowd = new Crowd(
          server.running.listeners.map(({ port }) => port),
          dispatchMode === 'ipHash',
        );
        for (let kill = 0; kill < KILLS; kill++) {
          await server.crashWorker(Math.floor(Math.random() * WORKERS));
          await server.workersReady();
          const enough = crowd.answered + PROGRESS;
          await eventually(server, 'answers', () => crowd.answered >= enough || crowd.faults.length > 0);
        }
        await crowd.leave();
        expect(crowd.faults).to.deep.equal([]);
        await eventually(server, 'nobody', async () => (await server.stats()).connections === 0);
        const { ledger } = await server.stats();
        const { accepted, handled, redeliveredAndHandled, refused, outstanding } = ledger;
        // Who leaves without waiting for an answer may have a packet refused.
        expect(handled + redeliveredAndHandled + (refused['CLOSED'] ?? 0) + outstanding).to.equal(accepted);
        expect(accepted).to.be.at.least(crowd.answered);
        expect(await connectionsOf(server)).to.deep.equal([0, 0, 0]);
        if (dispatchMode === 'leastConnections') await isEven(server);
      } finally {
        await server.stop();
      }
    }).timeout(120_000);
});

/** Three times as many as there are workers are spread evenly, whatever has been before. */
async function isEven(server: LaunchedServer): Promise<void> {
  for (let round = 1; round <= 3; round++) {
    for (const listener of names) {
      const client = await server.connect({ listener });
      client.send('x\n');
      await client.receiveLine();
    }
    expect(await connectionsOf(server)).to.deep.equal([round, round, round]);
  }
}

async function connectionsOf(server: LaunchedServer): Promise<(number | undefined)[]> {
  const { processes } = await server.status();
  return [0, 1, 2].map((id) => processes.find(({ workerId }) => workerId === id)?.connections);
}

/** Clients of a few addresses, each of which asks some lines and comes back elsewhere. */
class Crowd {
  answered = 0;
  readonly faults: string[] = [];
  readonly #workers = new Map<string, string>();
  readonly #all: Promise<void>[];
  #leaving = false;

  constructor(
    private readonly ports: readonly number[],
    /** All connections of one address have one worker. */
    private readonly byAddress: boolean,
  ) {
    this.#all = Array.from({ length: CLIENTS }, async (_, index) => {
      for (let visit = index; !this.#leaving; visit++)
        await this.#visit(`127.0.0.${2 + (index % 9)}`, visit).catch((error: Error) => {
          this.faults.push(error.message);
        });
    });
  }

  async leave(): Promise<void> {
    this.#leaving = true;
    await Promise.all(this.#all);
  }

  async #visit(localAddress: string, visit: number): Promise<void> {
    const socket = net.connect({
      host: '127.0.0.1',
      port: this.ports[visit % this.ports.length]!,
      localAddress,
    });
    let worker = this.byAddress ? this.#workers.get(localAddress) : undefined;
    for (let line = 0; line < 2 + (visit % 7); line++) {
      const [, text, by] = /^(\S+) (\d)\n$/.exec(await answer(socket, `${visit}/${line}`)) ?? [];
      if (text !== `${visit}/${line}`) this.faults.push(`${text} in place of ${visit}/${line}`);
      worker ??= by!;
      if (by !== worker) this.faults.push(`${localAddress} had worker ${worker} and then ${by}`);
      this.answered++;
      // Clients that never wait would leave those that boot no processor.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    if (this.byAddress) this.#workers.set(localAddress, worker!);
    if (visit % 2 === 0) socket.resetAndDestroy();
    else socket.destroy();
  }
}

function answer(socket: net.Socket, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const failed = (error?: Error | boolean): void => {
      reject(error instanceof Error ? error : new Error('closed without an answer'));
    };
    socket.once('error', failed).once('close', failed);
    socket.once('data', (data: Buffer) => {
      socket.off('error', failed).off('close', failed);
      resolve(data.toString());
    });
    socket.write(`${line}\n`);
  });
}
