import { expect } from 'chai';
import { explore, simulate, type Fault } from '@shoal/testing';
import { SyncEchoApp } from '../../fixtures/apps/echo.js';

async function refusal(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'it was not refused',
    (error: Error) => error.message,
  );
}

/** What a user writes without a compiler that watches. */
function unchecked<T>(value: unknown): T {
  return value as T;
}

describe('What would silently do nothing', () => {
  const faults: Readonly<Record<string, readonly [fault: object, message: RegExp]>> = {
    'a kind that there is not': [
      { kind: 'crashWorkr', at: 3 },
      /faults\[0\]: there is no fault 'crashWorkr'; there are crashWorker, /,
    ],
    'a worker that there is not': [
      { kind: 'hangWorker', at: 1, workerId: 3, ms: 1 },
      /there is no worker 3; there are 0, 1, 2$/,
    ],
    'a moment that there is not': [
      { kind: 'crashWorker', at: 1, workerId: 0, when: 'later' },
      /when is 'later', and has to be one of now, /,
    ],
    'a cause without a write': [
      { kind: 'crashWorker', at: 1, workerId: 0, when: 'now', after: 'sent' },
      /after goes with when: 'write'/,
    ],
    'a cause that there is not': [
      { kind: 'crashWorker', at: 1, workerId: 0, when: 'write', after: 'started' },
      /after is 'started', and has to be one of sent, settled, ended/,
    ],
    'a time before the start': [
      { kind: 'crashManager', at: -1 },
      /at is -1, and has to be virtual ms from 0/,
    ],
    'a time that is no number': [{ kind: 'stall', at: 0, client: 0, ms: Number.NaN }, /ms is NaN/],
    'a client that cannot be': [{ kind: 'reset', at: 0, client: 0.5 }, /client is 0\.5/],
    'a name that nobody reads': [
      { kind: 'crashManager', at: 0, worker: 1 },
      /crashManager has no worker; it has kind, at$/,
    ],
  };
  for (const [what, [fault, message]] of Object.entries(faults)) {
    it(`is refused: a fault with ${what}`, async () => {
      const options = { faults: [unchecked<Fault>(fault)] };
      expect(await refusal(simulate(SyncEchoApp, options))).to.match(message);
    });
  }

  it('is refused: an option that there is not, of simulate and of explore', async () => {
    const unknown = unchecked<object>({ sed: 4 });
    expect(await refusal(simulate(SyncEchoApp, unknown))).to.match(
      /^simulate has no option 'sed'; it has .*seed/,
    );
    expect(await refusal(explore(SyncEchoApp, async () => {}, unknown))).to.match(
      /^explore has no option 'sed'/,
    );
  });

  it('is refused: a client that connects to a server that was stopped', async () => {
    const server = await simulate(SyncEchoApp);
    await server.stop();
    expect(await refusal(server.connect())).to.equal('the server has been stopped: nobody can connect');
  });

  it('is taken: every kind of fault with what it needs', async () => {
    await using server = await simulate(SyncEchoApp, {
      faults: [
        { kind: 'crashWorker', at: 5, workerId: 0, when: 'write', after: 'settled' },
        { kind: 'crashManager', at: 50 },
        { kind: 'hangWorker', at: 1, workerId: 1, ms: 5 },
        { kind: 'slowPipes', at: 1, workerId: 2, ms: 1 },
        { kind: 'stall', at: 0, client: 7, ms: 1 },
        { kind: 'shape', at: 0, client: 7, link: { fragment: 1 } },
        { kind: 'reset', at: 0, client: 7 },
      ],
    });
    await server.advance(100);
    const happened = server.trace.flatMap((event) => (event.kind === 'fault' ? [event.fault.kind] : []));
    expect(happened).to.deep.equal(['hangWorker', 'slowPipes', 'crashManager']);
  });
});
