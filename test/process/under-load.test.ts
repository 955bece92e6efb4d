import { readdirSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { launch, type TestServer } from '@shoal/testing';
import { SyncEchoApp } from '../fixtures/apps/echo.js';
import { eventually } from '../scenarios/facts.js';
import { PipelinedLoad } from './pipelined-load.js';

const CONNECTIONS = 50;
const RELOADS = 2;
/** The fifth is of the manager. */
const KILLS = 5;

describe('Under 50 pipelined connections', () => {
  it(`${RELOADS} reloads in a row close no connection, lose no answer and leave no descriptor and no process behind`, async () => {
    const server = await launch(SyncEchoApp, { settings: { bakeTime: 100 } });
    try {
      const load = await PipelinedLoad.start(server.running.listeners[0]!.port, CONNECTIONS);
      // The first one opens what stays open from then on, such as the histogram of the loop's lag.
      expect((await server.reload()).outcome).to.equal('done');
      const before = await held(server);
      for (let reload = 0; reload < RELOADS; reload++)
        expect((await server.reload()).outcome).to.equal('done');
      // What belonged to workers that have left is closed when the system says so.
      let now: object = {};
      await eventually(server, 'no descriptor and no process more', async () =>
        isDeepStrictEqual((now = await held(server)), before),
      ).catch(() => expect(now).to.deep.equal(before));
      const answered = await load.finish();
      expect(load.faults).to.deep.equal([]);
      const { ledger } = await server.stats();
      expect(ledger).to.deep.equal({
        accepted: answered,
        handled: answered,
        redeliveredAndHandled: 0,
        refused: {},
        outstanding: 0,
      });
    } finally {
      await server.stop();
    }
  }).timeout(90_000);

  it(`${KILLS} kills of workers, task workers and the manager close no connection, and the ledger agrees with the clients`, async () => {
    const server = await launch(SyncEchoApp);
    try {
      const load = await PipelinedLoad.start(server.running.listeners[0]!.port, CONNECTIONS);
      for (let kill = 0; kill < KILLS; kill++) {
        if (kill % 5 === 4) await server.crashManager();
        else await server.crashWorker(kill % 3);
        await server.workersReady();
        // A packet that three deaths in a row hit would be poison by the rule: everybody gets on in between.
        await progress(server, load);
      }
      const answered = await load.finish();
      expect(load.faults).to.deep.equal([]);
      const { ledger } = await server.stats();
      const { accepted, handled, redeliveredAndHandled, refused, outstanding } = ledger;
      expect({ accepted, refused, outstanding }).to.deep.equal({
        accepted: answered,
        refused: {},
        outstanding: 0,
      });
      expect(handled + redeliveredAndHandled).to.equal(accepted);
    } finally {
      await server.stop();
    }
  }).timeout(120_000);
});

/** Descriptors of the processes that live on, and how many processes there are. */
async function held(server: TestServer): Promise<object> {
  const { masterPid, managerPid } = server.running;
  await server.workersReady();
  const { processes } = await server.status();
  const count = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
  return { master: count(masterPid), manager: count(managerPid), processes: processes.length };
}

async function progress(server: TestServer, load: PipelinedLoad): Promise<void> {
  const target = load.answered + CONNECTIONS * 20;
  while (load.answered < target && load.faults.length === 0) await server.advance(5);
}
