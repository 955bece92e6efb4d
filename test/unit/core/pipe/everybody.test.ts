import { expect } from 'chai';
import fc from 'fast-check';
import { MAX_BODY_BYTES } from '@shoal/core/internal/pipe/frame';
import { FrameKind } from '@shoal/core/internal/pipe/messages';
import { EVERYBODY } from '@shoal/core/internal/pipe/orders';
import { bytesOf } from './frames.js';
import { ManualClock } from './manual-clock.js';
import { choices, flow, MemoryStream } from './memory-stream.js';
import { PipeEnd } from './pipe-end.js';

const message = fc.record({
  /** 0 is everybody. */
  to: fc.integer({ min: 0, max: 3 }),
  length: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 2_000 }) },
    { weight: 2, arbitrary: fc.constantFrom(MAX_BODY_BYTES, MAX_BODY_BYTES + 1) },
    { weight: 1, arbitrary: fc.integer({ min: MAX_BODY_BYTES, max: 400_000 }) },
  ),
  move: fc.nat(3),
});

describe('A pipe', () => {
  it('keeps what is for everybody in its place among what is for each connection, whatever the sizes', () => {
    const seed = fc.integer({ min: 1, max: 2 ** 31 });
    const capacity = fc.constantFrom(1_000, 60_000, 1_000_000);
    fc.assert(
      fc.property(fc.array(message, { maxLength: 40 }), seed, capacity, (messages, from, room) => {
        const clock = new ManualClock();
        const streams = MemoryStream.pair(room);
        const [near, far] = [new PipeEnd(streams[0], clock), new PipeEnd(streams[1], clock)];
        const choose = choices(from);
        for (const { to, length, move } of messages) {
          if (to === 0) near.send(EVERYBODY, bytesOf(length), FrameKind.order);
          else near.send(to, bytesOf(length), FrameKind.send);
          if (move === 0) clock.turn();
          if (move === 1) for (const stream of streams) stream.step(1 + choose() * 50_000);
        }
        flow(clock, streams, choose);
        for (const connection of [1, 2, 3]) {
          const concerns = (id: number): boolean => id === connection || id === 0 || id === EVERYBODY;
          const sent = messages.map(({ to }, seq) => ({ to, seq })).filter(({ to }) => concerns(to));
          const came = far.frames.filter(({ id }) => concerns(id));
          expect(came.map(({ seq }) => seq)).to.deep.equal(sent.map(({ seq }) => seq));
        }
        expect(far.frames).to.have.length(messages.length);
        expect(near.pipe.backlog).to.equal(0);
      }),
      { numRuns: 80 },
    );
  });

  it('holds what is for one connection behind what is for everybody, and flushes both when it finishes', () => {
    const clock = new ManualClock();
    const streams = MemoryStream.pair(1_000);
    const [near, far] = [new PipeEnd(streams[0], clock), new PipeEnd(streams[1], clock)];
    near.send(1, bytesOf(MAX_BODY_BYTES + 1), FrameKind.send);
    expect([near.pipe.holds(1), near.pipe.holds(2)]).to.deep.equal([true, false]);
    near.send(EVERYBODY, bytesOf(10), FrameKind.order);
    expect([near.pipe.holds(1), near.pipe.holds(2)]).to.deep.equal([true, true]);
    near.send(2, bytesOf(10), FrameKind.send);
    near.pipe.finish();
    flow(clock, streams);
    expect(far.frames.map(({ id }) => id)).to.deep.equal([1, EVERYBODY, 2]);
    expect(far.closes).to.deep.equal([undefined]);
  });

  it('lets answers to requests pass that concern nobody in particular', () => {
    const clock = new ManualClock();
    const streams = MemoryStream.pair(1_000);
    const [near, far] = [new PipeEnd(streams[0], clock), new PipeEnd(streams[1], clock)];
    near.send(1, bytesOf(MAX_BODY_BYTES + 1), FrameKind.packet);
    near.pipe.control(FrameKind.response, 0, EVERYBODY, 1, bytesOf(10));
    flow(clock, streams);
    expect(far.frames.map(({ kind }) => kind)).to.deep.equal([FrameKind.response, FrameKind.packet]);
  });
});
