import { expect } from 'chai';
import fc from 'fast-check';
import { addStats } from '@shoal/core/internal/pipe/stats';
import { noTasks } from '@shoal/core/internal/pipe/task-counters';
import type { ReactorCounters } from '@shoal/core/internal/pipe/counters';
import { decodePayload, encodePayload } from '@shoal/core/internal/pipe/payload';
import { Window } from '@shoal/core/internal/pipe/window';

describe('Window', () => {
  it('admits exactly its limit and not one byte more', () => {
    const window = new Window(100);
    window.take(60);
    expect(window.admits(40)).to.equal(true);
    expect(window.admits(41)).to.equal(false);
  });

  it('admits one thing of any size while it is empty', () => {
    const window = new Window(100);
    expect(window.admits(1_000)).to.equal(true);
    window.take(1_000);
    expect(window.admits(0)).to.equal(false);
    window.give(1_000);
    expect(window.used).to.equal(0);
    expect(window.admits(1_000)).to.equal(true);
  });

  it('is empty after a reset', () => {
    const window = new Window(100);
    window.take(70);
    window.reset();
    expect(window.used).to.equal(0);
  });
});

describe('payload', () => {
  it('comes back as it was, types included', () => {
    const values = [
      undefined,
      null,
      0,
      -0,
      NaN,
      12n,
      '',
      'zwölf 漢字 🐟',
      Buffer.from([0, 1, 255]),
      Buffer.alloc(0),
      new Uint8Array([1, 2]),
      new Map([['a', new Set([1])]]),
      new Date(5),
      { nested: [{ list: [1, 'two'] }] },
      /x/giu,
    ];
    for (const value of values) expect(decodePayload(encodePayload(value))).to.deep.equal(value);
  });

  it('comes back as it was for any JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(decodePayload(encodePayload(value))).to.deep.equal(value);
      }),
    );
  });

  it('gives bytes of their own, which a writer does not change later', () => {
    const encoded = encodePayload(Buffer.from('abc'));
    const decoded = decodePayload(encoded);
    encoded.fill(0);
    expect(decoded).to.deep.equal(Buffer.from('abc'));
  });

  it('refuses what cannot be cloned', () => {
    expect(() => encodePayload(() => 1)).to.throw();
    expect(() => encodePayload({ inside: Symbol('s') })).to.throw();
  });
});

describe('addStats', () => {
  const counters = (by: number, refused: Record<string, number>): ReactorCounters => ({
    connections: by,
    acceptedConnections: 2 * by,
    closedConnections: 3 * by,
    acceptedPackets: 4 * by,
    handledPackets: 5 * by,
    redeliveredPackets: 6 * by,
    pinnedLost: 7 * by,
    failedDispatches: 10 * by,
    outstandingPackets: 7 * by,
    closedBy: { client: 3 * by },
    refused,
    ledger: { accepted: 4 * by, handled: 3 * by, redeliveredAndHandled: 2 * by, refused },
    connectionsOfWorkers: [by],
  });

  it('adds reactors, sockets of workers and failures, each reason on its own', () => {
    const total = addStats(
      [counters(1, { CLOSED: 1 }), counters(10, { CLOSED: 2, PACKET_TOO_LONG: 3 })],
      [
        {
          failedHandlers: 4,
          tasks: { ...noTasks, posted: 1, outstanding: 2 },
          sockets: counters(100, { PACKET_POISON: 1 }),
        },
        { failedHandlers: 5, tasks: { ...noTasks, posted: 10, outstanding: 20, done: 5 } },
      ],
    );
    const { connectionsOfWorkers: _, ...expected } = counters(111, {
      CLOSED: 3,
      PACKET_TOO_LONG: 3,
      PACKET_POISON: 1,
    });
    expect(total).to.deep.equal({
      ...expected,
      ledger: { ...expected.ledger, outstanding: 777 },
      failedHandlers: 9,
      tasks: { ...noTasks, posted: 11, outstanding: 22, done: 5 },
    });
  });
});
