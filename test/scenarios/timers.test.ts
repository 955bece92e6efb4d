import { expect } from 'chai';
import { ClockworkApp } from '../fixtures/apps/timers.js';
import { ask, errorOf, eventually, linesOf, logged } from './facts.js';
import { inSimulation, inSimulationFirst } from './in-worlds.js';

const single = { mode: 'base', workerNum: 1, taskWorkerNum: 0 } as const;

describe('Timers', () => {
  inSimulationFirst(
    'tick in every event worker and in no task worker; an async tick never overlaps itself; their server can stop',
    ClockworkApp,
    async (server) => {
      await eventually(server, 'beats of both workers', () => {
        const beats = linesOf(server, 'beat').map(({ workerId }) => workerId);
        return [0, 1].every((workerId) => beats.filter((each) => each === workerId).length >= 3);
      });
      expect(new Set(linesOf(server, 'beat').map(({ role }) => role))).to.deep.equal(new Set(['worker']));
      expect(linesOf(server, 'started').map(({ role }) => role)).to.include('task worker');
      const client = await server.connect();
      await eventually(server, 'three slow runs', async () => {
        const [, runs, most] = /^(\d+) runs, (\d+) at once$/.exec(await ask(client, 'slow'))!.map(Number);
        expect(most).to.be.at.most(1);
        return runs! >= 3;
      });
    },
  );

  inSimulation(
    'run once by after, again and again by tick, and not at all once cleared',
    ClockworkApp,
    async (server) => {
      const client = await server.connect();
      expect(await ask(client, 'after')).to.equal('after true, then false');
      client.send('tick\n');
      for (const line of ['tick 1', 'tick 2', 'tick 3', 'cleared true true']) {
        expect(await client.receiveLine()).to.equal(line);
      }
      expect(await ask(client, 'cleared')).to.equal('true false false');
      expect(await ask(client, 'after')).to.equal('after true, then false');
      expect(client.received.toString()).to.not.include('it ran').and.not.include('tick 4');
      expect(await ask(client, '0')).to.equal('0 too short');
      expect(errorOf(await logged(server, 'Clockwork.line failed in receive')).message).to.equal(
        'a timer takes 1 to 2147483647 ms, not 0',
      );
    },
  );

  inSimulation('keep to multiples of their interval', ClockworkApp, async (server) => {
    const { world } = server;
    await server.advance(1_000);
    const times = world.logs
      .filter(({ message, workerId }) => message === 'beat' && workerId === 0)
      .map(({ time }) => time);
    expect(times.length).to.be.within(49, 51);
    for (const time of times) expect((time - times[0]!) % 20).to.be.lessThan(0.01);
  });

  inSimulation('tick in a server of one process, and end with it', ClockworkApp, async (server) => {
    await server.advance(100);
    const { world } = server;
    await server.stop();
    const lines = world.logs.map(({ message }) => message);
    expect(lines.filter((line) => line === 'beat').length).to.be.within(4, 6);
    expect(lines.lastIndexOf('beat')).to.be.lessThan(lines.indexOf('stopped'));
  }, { settings: single }); // prettier-ignore
});
