import { expect } from 'chai';
import { Backlog } from '@shoal/core/internal/reactor/backlog';
import { Delivery, PACKET_OVERHEAD_BYTES, type Client } from '@shoal/core/internal/reactor/delivery';

const LIMIT = 1_000;

describe('The backlog of a connection', () => {
  it('admits packets of exactly its limit together, and not one byte more', () => {
    const backlog = new Backlog(LIMIT);
    backlog.given(packet(1, LIMIT - 500));
    expect(backlog.admits(packet(2, 500))).to.equal(true);
    expect(backlog.admits(packet(2, 501))).to.equal(false);
  });

  it('admits one packet of any size when a worker has none, also while it has an event', () => {
    const backlog = new Backlog(LIMIT);
    backlog.given(introduction());
    expect(backlog.admits(packet(1, 10 * LIMIT))).to.equal(true);
  });

  it('admits as much as before when everything that a worker had is over', () => {
    const backlog = new Backlog(LIMIT);
    const all = [introduction(), packet(1, LIMIT), packet(2, 100)];
    for (const each of all) backlog.given(each);
    expect([backlog.unsettled, backlog.unsettledPackets]).to.deep.equal([3, 2]);
    for (const each of all) backlog.over(each);
    expect([backlog.unsettled, backlog.unsettledPackets, backlog.packets]).to.deep.equal([0, 0, 0]);
    expect(backlog.admits(packet(3, 10 * LIMIT))).to.equal(true);
  });

  it('keeps what waits in the order of its numbers, whatever comes back', () => {
    const backlog = new Backlog(LIMIT);
    for (const number of [5, 6]) backlog.push(packet(number));
    for (const number of [3, 4, 7]) backlog.insert(packet(number));
    backlog.putBack([packet(1), packet(2)]);
    expect(backlog.waiting).to.equal(7);
    const first = backlog.shift()!;
    expect(backlog.shift()?.packet).to.equal(2);
    backlog.unshift(first);
    expect(backlog.clear().map((each) => each.packet)).to.deep.equal([1, 3, 4, 5, 6, 7]);
    expect([backlog.waiting, backlog.shift()]).to.deep.equal([0, undefined]);
  });
});

/** `charge`: bytes that it counts. */
function packet(number: number, charge = PACKET_OVERHEAD_BYTES): Delivery {
  const bytes = charge - PACKET_OVERHEAD_BYTES;
  return new Delivery('packet', nobody, Buffer.alloc(bytes), 0, bytes, number);
}

function introduction(): Delivery {
  return new Delivery('introduction', nobody, Buffer.alloc(0), 0, 0, 0);
}

/** Nothing is asked of it. */
const nobody = {} as Client;
