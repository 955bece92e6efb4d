import { expect } from 'chai';
import fc from 'fast-check';
import { Delivery, type Client } from '@shoal/core/internal/reactor/delivery';
import { WorkerLoad } from '@shoal/core/internal/reactor/worker-load';
import { WorkerSlot } from '@shoal/core/internal/reactor/worker-slot';
import { FakePort } from './reactor-world.js';

const client = { id: 1, concurrency: 1, pump() {}, settled() {}, takeBack() {} } as unknown as Client;
const packet = (): Delivery => new Delivery('packet', client, Buffer.from('hello'), 0, 5, 1);

/** What may happen to the worker of a place, in any order. */
const step = fc.constantFrom(
  'give',
  'give',
  'settle',
  'settle',
  'return',
  'settle of one that retires',
  'replace',
  'lose',
  'lose one that retires',
);

describe('The load of a worker', () => {
  it('is what it was given and has not settled, in all reactors together, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(1), step), { maxLength: 60 }), (steps) => {
        const counts = new Int32Array(new SharedArrayBuffer(8));
        const places = [0, 1].map(() => {
          const slot = new WorkerSlot(1, 1e9, 1e9, () => {}, new WorkerLoad(counts, 1));
          return { slot, current: undefined as FakePort | undefined, retiring: [] as FakePort[] };
        });
        let incarnation = 0;
        for (const [reactor, what] of steps) {
          const place = places[reactor]!;
          const { slot, current, retiring } = place;
          if (what === 'give' && current !== undefined) slot.send(packet());
          else if (what === 'settle' && current?.unsettled.length) current.settle(1);
          else if (what === 'return' && current?.unsettled.length) current.settle(1, 'returned');
          else if (what === 'settle of one that retires' && retiring[0]?.unsettled.length)
            retiring[0].settle(1);
          else if (what === 'replace') {
            if (current !== undefined) retiring.push(current);
            place.current = new FakePort(++incarnation, slot);
            slot.ready(place.current);
          } else if (what === 'lose') {
            place.current = undefined;
            current?.die();
          } else if (what === 'lose one that retires') retiring.shift()?.die();
          const has = places.reduce((sum, { current: port }) => sum + (port?.countPackets() ?? 0), 0);
          expect([...counts]).to.deep.equal([0, has]);
        }
      }),
      { numRuns: 300 },
    );
  });
});
