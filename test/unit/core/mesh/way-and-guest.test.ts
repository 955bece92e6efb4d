import { expect } from 'chai';
import fc from 'fast-check';
import { Guest, type GuestEvents } from '@shoal/core/internal/mesh/guest';
import { Way, type Parcel, type WayEvents } from '@shoal/core/internal/mesh/way';
import { FrameKind, PIPE_VERSION, type Hello, type Peer } from '@shoal/core/internal/pipe/messages';
import { ManualClock } from '../pipe/manual-clock.js';
import { flow, MemoryStream } from '../pipe/memory-stream.js';

const MAX_BYTES = 1024 * 1024;
const hello: Hello = { version: PIPE_VERSION, role: 'worker', workerId: 0, incarnation: 3, pid: 10 };
const peer: Peer = { role: 'taskWorker', workerId: 2, incarnation: 1, current: true };

class Sent implements Parcel {
  readonly settlements: string[] = [];

  settled(how: string): void {
    this.settlements.push(how);
  }
}

/** A process that has opened a way to another one, with everything that both are told. */
class Two {
  readonly clock = new ManualClock();
  readonly near: MemoryStream;
  readonly far: MemoryStream;
  readonly heard: string[] = [];
  readonly unsettled: Parcel[][] = [];
  readonly guest: Guest;
  readonly way: Way;
  gone = 0;

  constructor() {
    [this.near, this.far] = MemoryStream.pair();
    const note =
      (what: string) =>
      (...values: readonly unknown[]): void =>
        void this.heard.push([what, ...values.filter((value) => typeof value === 'number')].join(' '));
    const guests: GuestEvents = {
      message: note('message'),
      task: note('task'),
      orphan: note('orphan'),
      poster: note('poster'),
      enqueue: note('enqueue'),
      lease: note('lease'),
      recall: note('recall'),
      outcome: () => 'handled',
      send: note('send'),
      end: note('end'),
      order: note('order'),
      answer: (buffer, start, end) => Buffer.from(buffer.subarray(start, end)),
      sendTo: note('sendTo'),
      request: note('request'),
      drained: () => {},
      left: () => void this.heard.push('left'),
    };
    const ways: WayEvents = {
      opened: note('opened'),
      reply: note('reply'),
      response: note('response'),
      result: note('result'),
      resultInFile: note('resultInFile'),
      told: note('told'),
      outcome: () => 'handled',
      retired: note('retired'),
      turn: () => {},
      drained: () => {},
      closed: (_way, unsettled) => {
        this.heard.push('closed');
        this.unsettled.push([...unsettled]);
      },
    };
    this.guest = new Guest(this.far, this.clock, MAX_BYTES, guests, () => this.gone++);
    this.way = new Way(peer, ways);
  }

  attach(who: Hello = hello): void {
    this.way.attach(this.near, this.clock, who, MAX_BYTES);
    this.flow();
  }

  post(parcel: Parcel): void {
    this.way.send(FrameKind.post, 1, 0, 5, 77, 0, ['hi'], 2, parcel);
  }

  flow(): void {
    flow(this.clock, [this.near, this.far]);
  }
}

describe('Way and Guest', () => {
  it('know each other before anything is sent', () => {
    const two = new Two();
    expect([two.way.open, two.way.attached]).to.deep.equal([false, false]);
    two.attach();
    expect([two.way.open, two.way.attached]).to.deep.equal([true, true]);
    expect(two.guest.hello).to.deep.equal(hello);
    expect(two.heard).to.deep.equal(['opened']);
  });

  it('are not open while the other process has not answered, and nothing can be charged to it', () => {
    const two = new Two();
    two.way.attach(two.near, two.clock, hello, MAX_BYTES);
    two.far.die();
    two.flow();
    expect(two.heard).to.deep.equal(['closed']);
    expect(two.way.open).to.equal(false);
  });

  it('tell what the other has taken, and keep the rest for whoever comes next', () => {
    const two = new Two();
    two.attach();
    const parcels = [new Sent(), new Sent(), new Sent()] as const;
    for (const parcel of parcels) two.post(parcel);
    two.flow();
    two.guest.settle(0);
    two.guest.settle(2, 'returned');
    two.flow();
    expect(parcels.map(({ settlements }) => settlements)).to.deep.equal([['handled'], [], ['returned']]);
    two.far.die();
    two.flow();
    expect(two.unsettled).to.deep.equal([[parcels[1]]]);
    expect(two.way.blameless).to.equal(false);
  });

  it('hear at once that the other process retires, also when it had before it knew them', () => {
    const two = new Two();
    two.guest.retire();
    two.attach();
    expect(two.heard).to.deep.equal(['opened', 'retired']);
    expect([two.way.open, two.way.attached]).to.deep.equal([false, true]);
  });

  it('hear that an end is planned', () => {
    const two = new Two();
    two.attach();
    two.guest.dismiss();
    two.flow();
    expect([two.way.blameless, two.heard.at(-1)]).to.deep.equal([true, 'closed']);
  });

  it('part when they are of different versions', () => {
    const two = new Two();
    two.attach({ ...hello, version: PIPE_VERSION + 1 });
    expect(two.heard).to.deep.equal(['closed']);
    expect([two.gone, two.far.closed]).to.deep.equal([1, true]);
  });

  it('part when one does not begin with a hello, whatever it says instead', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
        const two = new Two();
        two.near.start({ data: () => {}, drain: () => {}, end: () => two.near.end(), close: () => {} });
        two.near.write(Buffer.from(bytes));
        two.flow();
        two.clock.advance(10_000);
        two.flow();
        expect([two.gone, two.far.closed]).to.deep.equal([1, true]);
        expect(two.heard).to.deep.equal([]);
        expect(two.clock.timers).to.equal(0);
      }),
    );
  });

  for (const [ms, gone] of [
    [9_999, 0],
    [10_000, 1],
  ] as const)
    it(`${gone === 0 ? 'wait' : 'do not wait any longer'} for a hello after ${ms} ms`, () => {
      const two = new Two();
      two.near.start({ data: () => {}, drain: () => {}, end: () => {}, close: () => {} });
      two.clock.advance(ms);
      two.flow();
      expect(two.gone).to.equal(gone);
    });
});
