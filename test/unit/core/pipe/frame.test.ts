import { expect } from 'chai';
import fc from 'fast-check';
import { HEADER_BYTES, MAX_BODY_BYTES } from '@shoal/core/internal/pipe/frame';
import { FrameReader } from '@shoal/core/internal/pipe/frame-reader';
import { FrameWriter } from '@shoal/core/internal/pipe/frame-writer';
import type { Part } from '@shoal/core/internal/pipe/parts';
import { bytesOf, FrameRecorder, type Frame } from './frames.js';
import { MemoryStream } from './memory-stream.js';

const BLOCK_BYTES = 64 * 1024;

/** Everything that a stream is given, copied when `take` is called: as late as a system may. */
class Sink extends MemoryStream {
  readonly #given: Buffer[] = [];
  held = 0;

  constructor(private readonly takesAtOnce: boolean) {
    super(0);
  }

  override get buffered(): number {
    return this.held;
  }

  override writeAll(chunks: readonly Buffer[]): void {
    this.writes.push(chunks.length);
    for (const chunk of chunks) {
      this.#given.push(this.takesAtOnce ? Buffer.from(chunk) : chunk);
      if (!this.takesAtOnce) this.held += chunk.length;
    }
  }

  take(): Buffer {
    this.held = 0;
    return Buffer.concat(this.#given.splice(0));
  }
}

function framesIn(bytes: Buffer, cuts: readonly number[] = []): Frame[] {
  const recorder = new FrameRecorder();
  const reader = new FrameReader(recorder);
  let at = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    if (cut <= at || cut >= bytes.length) continue;
    reader.read(Buffer.from(bytes.subarray(at, cut)));
    at = cut;
  }
  if (at < bytes.length) reader.read(Buffer.from(bytes.subarray(at)));
  return recorder.frames;
}

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const bodyLength = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.constantFrom(0, 1, 4095, 4096, 4097, BLOCK_BYTES - HEADER_BYTES, MAX_BODY_BYTES - 1, MAX_BODY_BYTES),
  fc.integer({ min: 0, max: MAX_BODY_BYTES }),
);
const anyFrame = fc.record({
  kind: fc.integer({ min: 0, max: 255 }),
  flags: fc.integer({ min: 0, max: 255 }),
  aux: fc.integer({ min: 0, max: 0xffff }),
  id: fc.oneof(u32, fc.maxSafeNat()),
  seq: u32,
  word: u32,
  count: u32,
  length: bodyLength,
});

function write(writer: FrameWriter, frame: Omit<Frame, 'body'>, body: Buffer): void {
  const { kind, flags, aux, id, seq, word, count } = frame;
  writer.frame(kind, flags, aux, id, seq, word, count, body, 0, body.length);
}

describe('FrameWriter and FrameReader', () => {
  it('give the same frames however the bytes are split', () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { maxLength: 12 }),
        fc.array(fc.nat(400_000), { maxLength: 40 }),
        fc.array(fc.nat(12), { maxLength: 4 }),
        (frames, cuts, flushes) => {
          const sink = new Sink(false);
          const writer = new FrameWriter(sink);
          const expected = frames.map(({ length, ...fields }, index) => {
            const body = bytesOf(length, index);
            write(writer, fields, body);
            if (flushes.includes(index)) writer.flush();
            return { ...fields, body: body.toString('latin1') };
          });
          writer.flush();
          expect(writer.pendingBytes).to.equal(0);
          expect(framesIn(sink.take(), cuts)).to.deep.equal(expected);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('give the same frames byte by byte', () => {
    const sink = new Sink(true);
    const writer = new FrameWriter(sink);
    for (const length of [0, 1, 27, 28, 29, 500]) {
      write(writer, { kind: 1, flags: 0, aux: 2, id: 3, seq: 4, word: 5, count: 6 }, bytesOf(length));
    }
    writer.flush();
    const bytes = sink.take();
    expect(framesIn(bytes, [...bytes.keys()])).to.deep.equal(framesIn(bytes));
  });

  it('take a part of a larger buffer as a body', () => {
    const sink = new Sink(true);
    const writer = new FrameWriter(sink);
    const source = bytesOf(20_000);
    writer.frame(1, 0, 0, 0, 0, 0, 0, source, 5, 25);
    writer.frame(1, 0, 0, 0, 0, 0, 0, source, 7, 10_007);
    writer.flush();
    expect(framesIn(sink.take()).map(({ body }) => body)).to.deep.equal([
      source.toString('latin1', 5, 25),
      source.toString('latin1', 7, 10_007),
    ]);
  });

  for (const length of [
    BLOCK_BYTES - HEADER_BYTES - 1,
    BLOCK_BYTES - HEADER_BYTES,
    BLOCK_BYTES - HEADER_BYTES + 1,
  ]) {
    it(`fill a block up to ${length} bytes of small frames and go on in the next`, () => {
      const sink = new Sink(false);
      const writer = new FrameWriter(sink);
      const bodies: string[] = [];
      const add = (bytes: number): void => {
        const body = bytesOf(bytes, bodies.length);
        bodies.push(body.toString('latin1'));
        write(writer, { kind: 9, flags: 0, aux: 0, id: 1, seq: 0, word: 0, count: 0 }, body);
      };
      let left = length + HEADER_BYTES;
      while (left > 4000) {
        add(2000 - HEADER_BYTES);
        left -= 2000;
      }
      add(left - HEADER_BYTES);
      add(100);
      writer.flush();
      expect(framesIn(sink.take()).map(({ body }) => body)).to.deep.equal(bodies);
    });
  }

  it('write what one turn gathers in one call, and early from 256 KiB on', () => {
    const sink = new Sink(true);
    const writer = new FrameWriter(sink);
    const small = bytesOf(100);
    for (let index = 0; index < 100; index++) {
      write(writer, { kind: 1, flags: 0, aux: 0, id: 0, seq: 0, word: 0, count: 0 }, small);
    }
    expect(sink.writes).to.deep.equal([]);
    writer.flush();
    expect(sink.writes).to.deep.equal([1]);
    const large = bytesOf(MAX_BODY_BYTES);
    for (let index = 0; index < 3; index++) {
      write(writer, { kind: 1, flags: 0, aux: 0, id: 0, seq: 0, word: 0, count: 0 }, large);
    }
    expect(sink.writes).to.have.length(1);
    write(writer, { kind: 1, flags: 0, aux: 0, id: 0, seq: 0, word: 0, count: 0 }, large);
    expect(sink.writes).to.have.length(2);
    expect(writer.pendingBytes).to.equal(0);
  });

  it('write nothing when nothing has gathered', () => {
    const sink = new Sink(true);
    new FrameWriter(sink).flush();
    expect(sink.writes).to.deep.equal([]);
  });

  it('never change bytes that the stream still holds, and use the block again once it holds none', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ length: fc.integer({ min: 0, max: 3000 }), drained: fc.boolean() }), {
          maxLength: 80,
        }),
        (rounds) => {
          const sink = new Sink(false);
          const writer = new FrameWriter(sink);
          const sent: string[] = [];
          const got: string[] = [];
          for (const { length, drained } of rounds) {
            const body = bytesOf(length, sent.length);
            sent.push(body.toString('latin1'));
            write(writer, { kind: 1, flags: 0, aux: 0, id: 0, seq: 0, word: 0, count: 0 }, body);
            writer.flush();
            if (drained) got.push(...framesIn(sink.take()).map(({ body: text }) => text));
          }
          got.push(...framesIn(sink.take()).map(({ body: text }) => text));
          expect(got).to.deep.equal(sent);
        },
      ),
      { numRuns: 100 },
    );
  });

  const part = fc.oneof<fc.Arbitrary<Part>[]>(
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.constantFrom('ä'.repeat(3000), '漢'.repeat(1500), '🐟'.repeat(16_000), '\ud800 alone'),
    fc.uint8Array({ maxLength: 200 }),
    fc.nat(9000).map((length) => bytesOf(length)),
  );
  const bytesIn = (parts: readonly Part[]): Buffer => {
    return Buffer.concat(parts.map((each) => (typeof each === 'string' ? Buffer.from(each) : each)));
  };

  it('keep bodies of several parts, strings in UTF-8', () => {
    fc.assert(
      fc.property(fc.array(fc.array(part, { maxLength: 6 }), { maxLength: 12 }), (bodies) => {
        const sink = new Sink(false);
        const writer = new FrameWriter(sink);
        const fitting = bodies.filter((parts) => bytesIn(parts).length <= MAX_BODY_BYTES);
        for (const parts of fitting) writer.framePart(33, 0, 0, 7, 1, 2, 3, parts, bytesIn(parts).length);
        writer.flush();
        expect(framesIn(sink.take()).map(({ body }) => body)).to.deep.equal(
          fitting.map((parts) => bytesIn(parts).toString('latin1')),
        );
      }),
      { numRuns: 150 },
    );
  });

  it('extend means the same as frames of their own, settled in a run', () => {
    const step = fc.record({
      kind: fc.constantFrom(32, 33),
      id: fc.constantFrom(1, 2 ** 40),
      gap: fc.constantFrom(0, 0, 0, 1),
      flushed: fc.constantFrom(false, false, false, true),
      parts: fc.array(part, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 0xffff_fff0, max: 0xffff_ffff }),
        (steps, from) => {
          const sink = new Sink(false);
          const writer = new FrameWriter(sink);
          const expected: { kind: number; id: number; word: number; body: string }[] = [];
          let word = from;
          for (const { kind, id, gap, flushed, parts } of steps) {
            const body = bytesIn(parts);
            if (body.length > MAX_BODY_BYTES) continue;
            word = (word + gap) >>> 0;
            if (!writer.extend(kind, id, word, parts, body.length)) {
              writer.framePart(kind, 0, 0, id, 0, word, 1, parts, body.length);
            }
            expected.push({ kind, id, word, body: body.toString('latin1') });
            word = (word + 1) >>> 0;
            if (flushed) writer.flush();
          }
          writer.flush();
          let index = 0;
          for (const frame of framesIn(sink.take())) {
            const those = expected.slice(index, index + frame.count);
            index += frame.count;
            expect(frame.body).to.equal(those.map(({ body }) => body).join(''));
            expect(frame.body.length).to.be.at.most(MAX_BODY_BYTES);
            those.forEach((one, offset) => {
              expect([one.kind, one.id, one.word]).to.deep.equal([
                frame.kind,
                frame.id,
                (frame.word + offset) >>> 0,
              ]);
            });
          }
          expect(index).to.equal(expected.length);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('extend a frame of the same kind and id that counts on, and no other', () => {
    const writer = new FrameWriter(new Sink(true));
    writer.framePart(32, 0, 0, 7, 1, 10, 1, ['a'], 1);
    expect(writer.extend(33, 7, 11, ['b'], 1)).to.equal(false);
    expect(writer.extend(32, 8, 11, ['b'], 1)).to.equal(false);
    expect(writer.extend(32, 7, 12, ['b'], 1)).to.equal(false);
    expect(writer.extend(32, 7, 11, ['b'], 1)).to.equal(true);
    expect(writer.extend(32, 7, 12, [], 0)).to.equal(true);
    writer.flush();
    expect(writer.extend(32, 7, 13, ['b'], 1)).to.equal(false);
    writer.framePart(32, 4, 0, 7, 1, 13, 1, ['state'], 5);
    expect(writer.extend(32, 7, 14, ['b'], 1)).to.equal(false);
  });
});

describe('FrameReader', () => {
  function header(length: number): Buffer {
    const bytes = Buffer.alloc(HEADER_BYTES);
    bytes.writeUInt32LE(length);
    return bytes;
  }

  it('takes a body of exactly MAX_BODY_BYTES and breaks the pipe at one byte more', () => {
    const recorder = new FrameRecorder();
    new FrameReader(recorder).read(Buffer.concat([header(MAX_BODY_BYTES), bytesOf(MAX_BODY_BYTES)]));
    expect(recorder.frames).to.have.length(1);
    const reader = new FrameReader(recorder);
    expect(() => reader.read(header(MAX_BODY_BYTES + 1)))
      .to.throw()
      .with.property('code', 'PIPE_BROKEN');
  });

  it('breaks the pipe when the header that lies has come byte by byte', () => {
    const reader = new FrameReader(new FrameRecorder());
    const bytes = header(0xffff_ffff);
    for (const byte of bytes.subarray(0, HEADER_BYTES - 1)) reader.read(Buffer.of(byte));
    expect(() => reader.read(bytes.subarray(HEADER_BYTES - 1)))
      .to.throw()
      .with.property('code', 'PIPE_BROKEN');
  });

  it('raises nothing but PIPE_BROKEN for any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 20 }), (chunks) => {
        const reader = new FrameReader(new FrameRecorder());
        try {
          for (const chunk of chunks) reader.read(Buffer.from(chunk));
        } catch (error) {
          expect(error).to.have.property('code', 'PIPE_BROKEN');
        }
      }),
    );
  });
});
