import { expect } from 'chai';
import fc from 'fast-check';
import { HEADER_BYTES, MAX_BODY_BYTES, writeHeader } from '@shoal/core/internal/pipe/frame';
import { FrameFlag, FrameKind } from '@shoal/core/internal/pipe/messages';
import { bytesOf } from './frames.js';
import { ManualClock } from './manual-clock.js';
import { choices, flow, MemoryStream } from './memory-stream.js';
import { PipeEnd } from './pipe-end.js';

function connected(capacity?: number): {
  clock: ManualClock;
  near: PipeEnd;
  far: PipeEnd;
  streams: MemoryStream[];
} {
  const clock = new ManualClock();
  const streams = MemoryStream.pair(capacity);
  return { clock, near: new PipeEnd(streams[0], clock), far: new PipeEnd(streams[1], clock), streams };
}

const length = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 2000 }) },
  { weight: 2, arbitrary: fc.constantFrom(MAX_BODY_BYTES - 1, MAX_BODY_BYTES, MAX_BODY_BYTES + 1) },
  { weight: 2, arbitrary: fc.integer({ min: MAX_BODY_BYTES, max: 400_000 }) },
);
const message = fc.record({ id: fc.integer({ min: 1, max: 4 }), length, move: fc.nat(3) });
const seed = fc.integer({ min: 1, max: 2 ** 31 });
const capacity = fc.constantFrom(1_000, 60_000, 1_000_000);

describe('Pipe', () => {
  it('delivers what is sent, for each id in order, whatever the sizes and the fragments', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 40 }), seed, capacity, (messages, from, room) => {
        const { clock, near, far, streams } = connected(room);
        const choose = choices(from);
        const sent = new Map<number, string[]>();
        for (const { id, length: bytes, move } of messages) {
          const before = sent.get(id) ?? [];
          const body = bytesOf(bytes, before.length);
          near.send(id, body);
          sent.set(id, [...before, body.toString('latin1')]);
          if (move === 0) clock.turn();
          if (move === 1) for (const stream of streams) stream.step(1 + choose() * 50_000);
        }
        flow(clock, streams, choose);
        for (const [id, bodies] of sent) {
          const arrived = far.frames.filter((frame) => frame.id === id).map(({ body }) => body);
          expect(arrived).to.deep.equal(bodies);
        }
        expect(far.frames).to.have.length(messages.length);
        expect(new Set(far.frames.map(({ seq }) => seq)).size).to.equal(messages.length);
        expect(near.pipe.outstanding).to.equal(messages.length);
        expect(near.pipe.backlog).to.equal(0);
      }),
      { numRuns: 80 },
    );
  });

  it('keeps every field of a frame, in chunks too', () => {
    const { clock, near, far, streams } = connected();
    for (const body of [bytesOf(10), bytesOf(200_000)]) {
      near.pipe.message(FrameKind.packet, 1, 2, 2 ** 45, 4, 5, body, 0, body.length, { name: 0 });
    }
    flow(clock, streams);
    const fields = { kind: FrameKind.packet, flags: 1, aux: 2, id: 2 ** 45, word: 4, count: 5 };
    expect(far.frames).to.deep.equal([
      { ...fields, seq: 0, body: bytesOf(10).toString('latin1') },
      { ...fields, seq: 1, body: bytesOf(200_000).toString('latin1') },
    ]);
  });

  it('sends a body of MAX_BODY_BYTES as one frame and a larger one in chunks', () => {
    for (const [bytes, chunked] of [
      [MAX_BODY_BYTES, false],
      [MAX_BODY_BYTES + 1, true],
    ] as const) {
      const { clock, near, far, streams } = connected(1_000_000);
      near.send(1, bytesOf(bytes));
      clock.turn();
      near.send(2, bytesOf(10));
      clock.turn();
      flow(clock, streams);
      expect(near.pipe.holds(1)).to.equal(false);
      expect(far.frames.map(({ id, body }) => [id, body.length])).to.deep.equal([
        [1, bytes],
        [2, 10],
      ]);
      const { near: other } = connected();
      other.send(1, bytesOf(bytes));
      expect(other.pipe.holds(1)).to.equal(chunked);
    }
  });

  it('lets small frames of other ids overtake a large one, and none of its own id', () => {
    const { clock, near, far, streams } = connected(10_000);
    near.send(1, bytesOf(2_000_000));
    near.send(1, bytesOf(1));
    near.send(2, bytesOf(2));
    clock.turn();
    near.send(1, bytesOf(3));
    near.send(3, bytesOf(4));
    near.pipe.control(FrameKind.forget, 0, 1);
    flow(clock, streams);
    expect(far.frames.map(({ kind, id, body }) => [kind, id, body.length])).to.deep.equal([
      [FrameKind.packet, 2, 2],
      [FrameKind.packet, 3, 4],
      [FrameKind.packet, 1, 2_000_000],
      [FrameKind.packet, 1, 1],
      [FrameKind.packet, 1, 3],
      [FrameKind.forget, 1, 0],
    ]);
  });

  it('lets a cancel overtake a large frame of its own id, and no other control frame', () => {
    const { clock, near, far, streams } = connected();
    near.send(1, bytesOf(400_000));
    near.pipe.control(FrameKind.end, 0, 1);
    near.pipe.control(FrameKind.cancel, 0, 1);
    flow(clock, streams);
    expect(far.frames.map(({ kind }) => kind)).to.deep.equal([
      FrameKind.cancel,
      FrameKind.packet,
      FrameKind.end,
    ]);
  });

  it('never puts much more than its backlog of chunks before a small frame, however many are large', () => {
    const { clock, near, far, streams } = connected(0);
    for (let id = 1; id <= 50; id++) near.send(id, bytesOf(200_000, id));
    clock.turn();
    expect(near.stream.buffered).to.be.at.most(256 * 1024 + 3 * MAX_BODY_BYTES);
    near.send(99, bytesOf(1));
    near.stream.capacity = far.stream.capacity = 50_000;
    flow(clock, streams);
    expect(far.frames[0]?.id).to.equal(99);
    expect(far.frames).to.have.length(51);
  });

  it('sends large frames of several ids a chunk of each in turn', () => {
    const { clock, near, far, streams } = connected(10_000);
    near.send(1, bytesOf(1_000_000));
    near.send(2, bytesOf(300_000));
    near.send(3, bytesOf(70_000));
    flow(clock, streams);
    expect(far.frames.map(({ id }) => id)).to.deep.equal([3, 2, 1]);
  });

  it('delivers bodies of several parts, joined', () => {
    const { clock, near, far, streams } = connected();
    const parts = ['zwölf ', bytesOf(5), '漢字'];
    const whole = Buffer.concat(parts.map((each) => Buffer.from(each as string)));
    near.pipe.messageParts(FrameKind.send, 0, 1, 0, 0, parts, whole.length, { name: 0 });
    const large = ['ü'.repeat(50_000), bytesOf(10)];
    near.pipe.messageParts(FrameKind.send, 0, 1, 0, 0, large, 100_010, { name: 1 });
    near.pipe.messageParts(FrameKind.send, 0, 1, 0, 0, ['behind'], 6, { name: 2 });
    flow(clock, streams);
    expect(far.frames.map(({ body }) => body)).to.deep.equal([
      whole.toString('latin1'),
      Buffer.concat([Buffer.from('ü'.repeat(50_000)), bytesOf(10)]).toString('latin1'),
      'behind',
    ]);
  });

  it('settles in any order, and travels runs as one frame', () => {
    const { clock, near, far, streams } = connected();
    for (let index = 0; index < 10; index++) near.send(1, bytesOf(1));
    flow(clock, streams);
    for (const seq of [7, 8, 9, 2]) far.pipe.settle(seq);
    far.pipe.settle(3, 'discarded');
    far.pipe.settle(4, 'discarded');
    const before = far.stream.writes.length;
    flow(clock, streams);
    expect(far.stream.writes.length - before).to.equal(1);
    expect(near.settlements).to.deep.equal([
      ...[7, 8, 9, 2].map((name) => ({ name, how: 'handled' })),
      ...[3, 4].map((name) => ({ name, how: 'discarded' })),
    ]);
    expect(near.pipe.takeOutstanding().map(({ name }) => name)).to.deep.equal([0, 1, 5, 6]);
  });

  it('writes a settlement before what was sent after it, so that a death in between leaves no gap', () => {
    const afterwards = {
      answer: (end: PipeEnd) => end.pipe.messageParts(FrameKind.answer, 0, 1, 1, 1, ['x'], 1, { name: 0 }),
      send: (end: PipeEnd) => end.pipe.messageParts(FrameKind.send, 0, 2, 0, 0, ['x'], 1, { name: 0 }),
      end: (end: PipeEnd) => end.pipe.control(FrameKind.end, 0, 1),
    };
    for (const [name, say] of Object.entries(afterwards)) {
      const { clock, near, far, streams } = connected();
      near.send(1, bytesOf(10));
      near.send(1, bytesOf(10));
      flow(clock, streams);
      const order: string[] = [];
      near.settled = () => void order.push('settlement');
      near.frame = () => void order.push(name);
      far.pipe.settle(0);
      say(far);
      flow(clock, streams);
      expect(order).to.deep.equal(['settlement', name]);
    }
  });

  it('tells each settlement once', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(19), { maxLength: 60 }), seed, (order, from) => {
        const { clock, near, far, streams } = connected(100);
        for (let index = 0; index < 20; index++) near.send(1 + (index % 3), bytesOf(30));
        flow(clock, streams, choices(from));
        const once = [...new Set(order)];
        for (const seq of once) far.pipe.settle(seq);
        flow(clock, streams, choices(from));
        expect(near.settlements.map(({ name }) => name)).to.deep.equal(once);
        expect(near.pipe.outstanding).to.equal(20 - once.length);
      }),
      { numRuns: 50 },
    );
  });

  it('gives back exactly what a dead peer has not settled, in order, and never delivers half a frame', () => {
    fc.assert(
      fc.property(
        fc.array(message, { minLength: 1, maxLength: 25 }),
        seed,
        capacity,
        fc.nat(200),
        fc.nat(70_000),
        (messages, from, room, steps, lost) => {
          const { clock, near, far, streams } = connected(room);
          const choose = choices(from);
          const settled = new Set<number>();
          const bodies = messages.map(({ id, length: bytes }, index) => {
            near.send(id, bytesOf(bytes, index));
            return bytesOf(bytes, index).toString('latin1');
          });
          for (let count = 0; count < steps; count++) {
            clock.turn();
            streams[count % 2]!.step(1 + choose() * 80_000);
            for (const { seq } of far.frames)
              if (!settled.has(seq) && choose() < 0.2) {
                settled.add(seq);
                far.pipe.settle(seq);
              }
          }
          for (const frame of far.frames) expect(frame.body).to.equal(bodies[frame.seq]);
          far.stream.die(lost);
          flow(clock, streams, choose);
          expect(near.closes).to.have.length(1);
          const told = new Set(near.settlements.map(({ name }) => name));
          for (const name of told) expect(settled.has(name)).to.equal(true);
          const left = messages.map((_, name) => name).filter((name) => !told.has(name));
          expect(near.pipe.takeOutstanding().map(({ name }) => name)).to.deep.equal(left);
        },
      ),
      { numRuns: 80 },
    );
  });

  it('never delivers a large frame whose sender dies before its last chunk', () => {
    const { clock, near, far, streams } = connected(5_000);
    near.send(1, bytesOf(500_000));
    near.send(2, bytesOf(10));
    clock.turn();
    for (let count = 0; count < 30; count++) near.stream.step();
    near.stream.die();
    flow(clock, streams);
    expect(far.frames.map(({ id }) => id)).to.deep.equal([2]);
    expect(far.closes).to.deep.equal([undefined]);
  });

  it('never waits for itself when both directions are full', () => {
    const { clock, near, far, streams } = connected(100);
    const sizes = [10, 300_000, 5_000, 100_000];
    for (let index = 0; index < 40; index++) {
      near.send(1 + (index % 5), bytesOf(sizes[index % 4]!, index));
      far.send(1 + (index % 5), bytesOf(sizes[index % 4]!, index));
    }
    for (const stream of streams) stream.capacity = 20_000;
    flow(clock, streams);
    for (const end of [near, far]) for (const { seq } of end.frames) end.pipe.settle(seq);
    flow(clock, streams);
    for (const end of [near, far]) {
      expect(end.frames).to.have.length(40);
      expect(end.pipe.outstanding).to.equal(0);
    }
  });

  it('writes once in a turn, however many frames gather', () => {
    const { clock, near, streams } = connected();
    for (let index = 0; index < 100; index++) near.send(index, bytesOf(20));
    near.pipe.settle(1);
    expect(near.stream.writes).to.deep.equal([]);
    clock.turn();
    expect(near.stream.writes).to.have.length(1);
    flow(clock, streams);
    expect(near.stream.writes).to.have.length(1);
  });

  it('says that it has drained at the end of a turn, or when the stream has, and not while a backlog is left', () => {
    const { clock, near, streams } = connected();
    near.send(1, bytesOf(10));
    expect(near.drains).to.equal(0);
    clock.turn();
    expect(near.drains).to.equal(1);
    near.send(1, bytesOf(1_000_000));
    clock.turn();
    expect(near.drains).to.equal(1);
    expect(near.pipe.backlog).to.be.above(0);
    flow(clock, streams);
    expect(near.drains).to.be.above(1);
    expect(near.pipe.backlog).to.equal(0);
  });

  it('tells of a turn once for each read', () => {
    const { clock, near, far, streams } = connected();
    for (let index = 0; index < 10; index++) near.send(1, bytesOf(10));
    flow(clock, streams);
    expect(far.turns).to.equal(1);
    expect(far.frames).to.have.length(10);
  });

  it('flushes when it finishes, large frames to their last chunk', () => {
    const { clock, near, far, streams } = connected(1_000);
    near.send(1, bytesOf(900_000));
    near.send(1, bytesOf(1));
    near.send(2, bytesOf(2));
    near.pipe.finish();
    near.send(2, bytesOf(3));
    flow(clock, streams);
    expect(far.frames.map(({ body }) => body.length)).to.deep.equal([2, 900_000, 1]);
    expect(near.closes).to.deep.equal([undefined]);
    expect(far.closes).to.deep.equal([undefined]);
    expect(near.pipe.takeOutstanding()).to.have.length(4);
  });

  it('tells and writes nothing after it was abandoned', () => {
    const { clock, near, far, streams } = connected();
    near.send(1, bytesOf(10));
    near.pipe.abandon();
    far.send(1, bytesOf(10));
    flow(clock, streams);
    expect(near.frames).to.deep.equal([]);
    expect(near.closes).to.deep.equal([]);
    expect(far.frames).to.deep.equal([]);
    expect(far.closes).to.have.length(1);
    expect(near.pipe.takeOutstanding()).to.have.length(1);
  });

  describe('breaks with PIPE_BROKEN', () => {
    function fed(...frames: Buffer[]): PipeEnd {
      const clock = new ManualClock();
      const streams = MemoryStream.pair();
      const end = new PipeEnd(streams[0], clock, 100_000);
      streams[1].start({ data() {}, end() {}, drain() {}, close() {} });
      end.send(1, bytesOf(5));
      streams[1].write(Buffer.concat(frames));
      flow(clock, streams);
      return end;
    }

    function frame(kind: number, flags: number, id: number, body: Buffer, seq = 0, count = 0): Buffer {
      const bytes = Buffer.alloc(HEADER_BYTES + body.length);
      writeHeader(bytes, 0, body.length, kind, flags, 0, id, seq, 0, count);
      body.copy(bytes, HEADER_BYTES);
      return bytes;
    }

    function largeHeader(length: number): Buffer {
      const bytes = Buffer.alloc(HEADER_BYTES);
      writeHeader(bytes, 0, length, FrameKind.packet, 0, 0, 1, 0, 0, 0);
      return bytes;
    }

    const first = (bytes: number, lane = 0): Buffer =>
      frame(FrameKind.chunk, FrameFlag.first, lane, largeHeader(bytes));
    const cases: readonly [string, Buffer[]][] = [
      ['a header that claims too much', [bytesOf(HEADER_BYTES).fill(0xff)]],
      ['a large frame above the limit', [first(100_001)]],
      ['a chunk without a beginning', [frame(FrameKind.chunk, 0, 3, bytesOf(5))]],
      ['a large frame that begins twice', [first(90_000), first(90_000)]],
      ['a beginning too short for a header', [frame(FrameKind.chunk, FrameFlag.first, 0, bytesOf(5))]],
      [
        'a large frame that ends early',
        [first(90_000), frame(FrameKind.chunk, FrameFlag.last, 0, bytesOf(5))],
      ],
      [
        'a large frame that goes on too long',
        [
          first(70_000),
          frame(FrameKind.chunk, 0, 0, bytesOf(60_000)),
          frame(FrameKind.chunk, 0, 0, bytesOf(10_001)),
        ],
      ],
      [
        'a settlement of more than is outstanding',
        [frame(FrameKind.settle, 0, 0, Buffer.alloc(0), 0, 0xffff_ffff)],
      ],
    ];
    for (const [what, frames] of cases) {
      it(`at ${what}`, () => {
        const end = fed(
          frame(FrameKind.packet, 0, 9, bytesOf(1)),
          ...frames,
          frame(FrameKind.packet, 0, 9, bytesOf(2)),
        );
        expect(end.frames.map(({ body }) => body.length)).to.deep.equal([1]);
        expect(end.closes).to.have.length(1);
        expect(end.closes[0]).to.have.property('code', 'PIPE_BROKEN');
        expect(end.pipe.open).to.equal(false);
        expect(end.pipe.takeOutstanding()).to.have.length(1);
      });
    }

    it('and at nothing that a peer may send', () => {
      const end = fed(
        first(100_000),
        ...[0, 1].map((index) =>
          frame(FrameKind.chunk, index === 1 ? FrameFlag.last : 0, 0, bytesOf(50_000)),
        ),
      );
      expect(end.frames.map(({ body }) => body.length)).to.deep.equal([100_000]);
      expect(end.closes).to.deep.equal([]);
    });
  });
});
