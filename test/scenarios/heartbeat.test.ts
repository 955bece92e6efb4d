import { expect } from 'chai';
import { delimiter, tcp } from '@shoal/core';
import { RoomsApp } from '../fixtures/apps/rooms.js';
import { ask } from './facts.js';
import { inSimulation } from './in-worlds.js';

const IDLE_MS = 5_000;
const lines = tcp({
  name: 'lines',
  host: '127.0.0.1',
  port: 0,
  framing: delimiter('\n', { strip: true }),
  heartbeatIdleTime: IDLE_MS,
});
const elsewhere = ['1', '2', 'speaker', 'manager', 'master'];

describe('server.heartbeat', () => {
  for (const mode of ['process', 'base'] as const) {
    const settings = { mode, listeners: [lines], heartbeatCheckInterval: IDLE_MS };

    inSimulation(
      `tells who has been silent for too long, and closes them where that is wanted (${mode} mode)`,
      RoomsApp,
      async (server) => {
        const [here, silent, shielded] = [
          await server.connect(),
          await server.connect(),
          await server.connect(),
        ];
        const [id, other] = [await ask(silent, 'who'), await ask(shielded, 'who')];
        expect(await ask(here, `master protect ${other}`)).to.equal('true');
        expect(await ask(here, 'here stale')).to.equal('[]');
        await server.advance(IDLE_MS + 100);
        // Whoever asks is not silent.
        for (const where of ['here', ...elsewhere])
          expect(await ask(here, `${where} stale`), where).to.equal(`[${id}]`);
        expect(silent.state).to.equal('open');
        expect(await ask(here, 'here stale close')).to.equal(`[${id}]`);
        await silent.closed();
        expect(await ask(here, 'here stale')).to.equal('[]');
        expect(await ask(here, `here protect ${other} off`)).to.equal('true');
        expect(await ask(here, 'here stale')).to.equal(`[${other}]`);
        expect((await server.stats()).refused).to.include({ HEARTBEAT_TIMEOUT: 1 });
      },
      { settings, seeds: 2 },
    );

    inSimulation(
      `and the check spare those that are protected, and say when bytes came last (${mode} mode)`,
      RoomsApp,
      async (server) => {
        const [shielded, silent] = [await server.connect(), await server.connect()];
        const id = await ask(shielded, 'who');
        expect(await ask(shielded, 'here protect me')).to.equal('true');
        const info = async (): Promise<Record<string, unknown>> =>
          JSON.parse(await ask(shielded, `here info ${id}`)) as Record<string, unknown>;
        const first = await info();
        expect(first).to.include({ protected: true, uid: null, groups: 0 });
        await server.advance(3 * IDLE_MS);
        await silent.closed();
        expect(shielded.state).to.equal('open');
        const second = await info();
        expect((second['lastReceivedAt'] as number) - (first['lastReceivedAt'] as number)).to.be.within(
          15_000,
          16_000,
        );
        expect(second['lastSentAt']).to.be.at.least(first['lastSentAt'] as number);
      },
      { settings: { ...settings, heartbeatCheckInterval: 1_000 }, seeds: 2 },
    );
  }

  inSimulation(
    'needs a listener with heartbeatIdleTime',
    RoomsApp,
    async (server) => {
      const here = await server.connect();
      expect(await ask(here, 'here stale')).to.equal('NOT_SUPPORTED');
      expect(JSON.parse(await ask(here, `here info ${await ask(here, 'who')}`))).to.include({
        lastReceivedAt: null,
        lastSentAt: null,
      });
    },
    { seeds: 1 },
  );
});
