import { expect } from 'chai';
import { ForeignSends } from '@shoal/core/internal/mesh/foreign-sends';
import { Way, type WayEvents } from '@shoal/core/internal/mesh/way';
import { FrameKind, PIPE_VERSION, type Hello, type Peer } from '@shoal/core/internal/pipe/messages';
import { encodeOrder, type OrderFrame } from '@shoal/core/internal/pipe/orders';
import { ManualClock } from '../pipe/manual-clock.js';
import { flow, MemoryStream } from '../pipe/memory-stream.js';
import { PipeEnd } from '../pipe/pipe-end.js';

const LIMIT = 1_000;
const LARGEST = 500;
/** What a send counts beside its bytes. */
const OVERHEAD = 64;
const reactor: Peer = { role: 'reactor', workerId: -1, incarnation: -1, current: true };
const hello: Hello = { version: PIPE_VERSION, role: 'taskWorker', workerId: 2, incarnation: 3, pid: 7 };

/** One way to an owner, which opens when the test says so. */
class World {
  readonly clock = new ManualClock();
  readonly way: Way;
  readonly sends: ForeignSends;
  readonly #streams: MemoryStream[] = [];
  owner: PipeEnd | undefined;
  gone = false;

  constructor() {
    const nothing = (): void => {};
    const events: WayEvents = {
      opened: (way) => this.sends.opened(way),
      drained: (way) => this.sends.drained(way),
      closed: (way) => this.sends.closed(way),
      reply: nothing,
      response: nothing,
      result: nothing,
      resultInFile: nothing,
      told: nothing,
      outcome: () => 'discarded',
      retired: nothing,
      turn: nothing,
    };
    this.way = new Way(reactor, events);
    this.sends = new ForeignSends(() => (this.gone ? undefined : this.way), LIMIT, LARGEST);
  }

  open(capacity?: number): void {
    this.connect(capacity);
    this.owner!.pipe.control(FrameKind.welcome);
  }

  /** The system has connected, and the owner has not answered yet. */
  connect(capacity?: number): void {
    const [near, far] = MemoryStream.pair(capacity);
    this.#streams.push(near, far);
    this.owner = new PipeEnd(far, this.clock);
    this.way.attach(near, this.clock, hello, 1_000_000);
  }

  flow(): void {
    flow(this.clock, this.#streams);
  }

  settleAll(): void {
    for (const { kind, seq } of this.owner!.frames) if (kind === FrameKind.send) this.owner!.pipe.settle(seq);
    this.flow();
  }
}

describe('ForeignSends', () => {
  it('takes nothing for an owner that is gone, also from those that still have its way, and waits for nothing', () => {
    const world = new World();
    world.way.finish();
    const { sends, way } = world;
    expect(sends.request(way, 7, 1, Buffer.from('{}'))).to.equal(false);
    expect(sends.order(way, encodeOrder({ what: 'join', id: 7, group: 'g' }, undefined, 0))).to.equal(false);
    expect(sends.send(7, 'x', 1)).to.equal(false);
    expect(sends.flush()).to.equal(undefined);
  });

  it('sends what came before the way was open, in order, with the ends among them', () => {
    const world = new World();
    expect(world.sends.send(1, 'one', 3)).to.equal(true);
    expect(world.sends.end(1, false)).to.equal(true);
    expect(world.sends.send(2, 'two', 3)).to.equal(true);
    world.open();
    world.flow();
    const { frames } = world.owner!;
    expect(frames.map(({ kind }) => kind)).to.deep.equal([
      FrameKind.hello,
      FrameKind.send,
      FrameKind.end,
      FrameKind.send,
    ]);
    expect(frames.slice(1).map(({ id, body }) => `${id} ${body}`)).to.deep.equal(['1 one', '1 ', '2 two']);
  });

  it('keeps its own copy of what waits for the way', () => {
    const world = new World();
    const scratch = Buffer.from('kept');
    world.sends.send(1, scratch, scratch.length);
    scratch.fill('x');
    world.open();
    world.flow();
    expect(world.owner!.frames.at(-1)!.body).to.equal('kept');
  });

  for (const open of [false, true]) {
    it(`takes up to its limit for one owner and not a byte more, until that has settled (${open ? 'open' : 'opening'})`, () => {
      const world = new World();
      if (open) world.open();
      const bytes = LARGEST;
      expect(world.sends.send(1, 'x'.repeat(bytes), bytes)).to.equal(true);
      const rest = LIMIT - bytes - 2 * OVERHEAD;
      expect(world.sends.send(1, 'y'.repeat(rest + 1), rest + 1)).to.equal(false);
      expect(world.sends.send(1, 'y'.repeat(rest), rest)).to.equal(true);
      expect(world.sends.send(1, '', 0)).to.equal(false);
      if (!open) world.open();
      world.flow();
      world.settleAll();
      expect(world.sends.send(1, 'x'.repeat(bytes), bytes)).to.equal(true);
    });
  }

  for (const open of [false, true]) {
    it(`bounds orders and requests like sends (${open ? 'open' : 'opening'})`, () => {
      const world = new World();
      if (open) world.open();
      world.flow();
      const join = encodeOrder({ what: 'join', id: 1, group: 'room' }, undefined, 0);
      const most = Math.floor(LIMIT / (join.bytes + OVERHEAD));
      for (let count = 0; count < most; count++) expect(world.sends.order(world.way, join)).to.equal(true);
      expect(world.sends.order(world.way, join)).to.equal(false);
      expect(world.sends.request(world.way, 1, 1, Buffer.alloc(join.bytes))).to.equal(false);
      if (!open) world.open();
      world.flow();
      const orders = world.owner!.frames.filter(({ kind }) => kind === FrameKind.order);
      expect(orders).to.have.length(most);
      for (const { seq } of orders) world.owner!.pipe.settle(seq);
      world.flow();
      expect(world.sends.order(world.way, join)).to.equal(true);
      expect(world.sends.request(world.way, 1, 1, Buffer.alloc(join.bytes))).to.equal(true);
    });
  }

  it('takes an order with exactly the largest data and none with a byte more, and keeps a copy while it waits', () => {
    const world = new World();
    const data = Buffer.alloc(LARGEST + 1, 'x');
    const send = (bytes: number): OrderFrame =>
      encodeOrder({ what: 'sendToUid', uid: 7 }, data.subarray(0, bytes), bytes);
    expect(world.sends.order(world.way, send(LARGEST + 1))).to.equal(false);
    expect(world.sends.order(world.way, send(LARGEST))).to.equal(true);
    data.fill('y');
    world.open();
    world.flow();
    expect(world.owner!.frames.at(-1)!.body).to.match(/^\{"what":"sendToUid","uid":7\}x+$/);
  });

  it('takes one send of exactly the largest and none that is a byte larger', () => {
    const world = new World();
    expect(world.sends.send(1, 'x'.repeat(LARGEST + 1), LARGEST + 1)).to.equal(false);
    expect(world.sends.send(1, 'x'.repeat(LARGEST), LARGEST)).to.equal(true);
  });

  it('counts ends while they wait for the way, and not afterwards', () => {
    const world = new World();
    const most = Math.floor(LIMIT / OVERHEAD);
    for (let count = 0; count < most; count++) expect(world.sends.end(count, true)).to.equal(true);
    expect(world.sends.end(most, true)).to.equal(false);
    world.open();
    world.flow();
    expect(world.sends.end(most, true)).to.equal(true);
    world.flow();
    expect(world.owner!.frames.filter(({ kind }) => kind === FrameKind.end)).to.have.length(most + 1);
  });

  it('says false when the owner is gone', () => {
    const world = new World();
    world.gone = true;
    expect(world.sends.send(1, 'x', 1)).to.equal(false);
    expect(world.sends.end(1, false)).to.equal(false);
  });

  it('is flushed at once where the system takes all, and else when the way opens or drains', async () => {
    const world = new World();
    expect(world.sends.flush()).to.equal(undefined);
    world.sends.send(1, 'early', 5);
    const opened = world.sends.flush();
    expect(opened).to.be.instanceOf(Promise);
    world.open();
    world.flow();
    await opened;
    world.sends.send(1, 'late', 4);
    expect(world.sends.flush()).to.equal(undefined);
  });

  it('is not flushed while the owner has not answered, though the hello is with the system', async () => {
    const world = new World();
    let flushed = false;
    world.sends.send(1, 'x', 1);
    void world.sends.flush()!.then(() => (flushed = true));
    world.connect();
    world.flow();
    await Promise.resolve();
    expect(flushed).to.equal(false);
    world.owner!.pipe.control(FrameKind.welcome);
    world.flow();
    await Promise.resolve();
    expect(flushed).to.equal(true);
  });

  it('is flushed when a slow system has taken all, and when the way closes', async () => {
    const world = new World();
    world.open(100);
    world.flow();
    world.sends.send(1, 'x'.repeat(LARGEST), LARGEST);
    const drained = world.sends.flush();
    expect(drained).to.be.instanceOf(Promise);
    world.flow();
    await drained;
    world.sends.send(1, 'x'.repeat(300), 300);
    const closed = world.sends.flush();
    expect(closed).to.be.instanceOf(Promise);
    world.owner!.stream.destroy(true);
    world.flow();
    await closed;
  });
});
