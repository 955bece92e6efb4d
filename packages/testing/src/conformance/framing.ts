/**
 * What every framing must do, as cases for any test runner:
 *
 * ```ts
 * const framing = custom(new URL('./netstring.js', import.meta.url));
 * for (const fact of framingConformance('netstring', { framing, encode })) it(fact.title, fact.run);
 * ```
 *
 * The framing is tried as the reactor uses it, behind a `PacketReader`, and once
 * by itself. Most cases are properties: a failure prints the smallest example
 * that fast-check found, and its seed.
 */
import assert from 'node:assert/strict';
import { ProtocolError } from '@shoal/core/internal/errors';
import type { Framing } from '@shoal/core/internal/framing/framing';
import { PacketReader } from '@shoal/core/internal/framing/packet-reader';
import {
  loadSettings,
  type StreamListenerSettings,
  type FramingInput,
} from '@shoal/core/internal/config/load';
import { createFraming } from '@shoal/core/internal/framing/create-framing';
import fc from 'fast-check';
import type { ConformanceCase } from './conformance-case.js';

export interface FramingSubject {
  /** As a listener has it: `custom(…)`, `delimiter(…)` … */
  readonly framing?: FramingInput;
  /** Makes the framing itself, in the place of `framing`. */
  create?(): Framing | Promise<Framing>;
  /** One packet as it is on the wire. Never empty, unless there is no payload and `boundaries` is false. */
  encode(payload: Buffer): Buffer;
  /** What the handler gets for that packet. Default: the whole packet, as `encode` made it. */
  deliver?(payload: Buffer): Buffer;
  /** Bytes of the longest payload to try. Default 200. */
  readonly maxPayload?: number;
  /** The bytes that payloads are made of, where some find more than others. Default: all. */
  readonly alphabet?: readonly number[];
  /** Whether the protocol can carry this payload; most must pass. Default: every one. */
  carries?(payload: Buffer): boolean;
  /** Bytes that can never become a packet. */
  readonly bad?: readonly Buffer[];
  /** False when packets are whatever a read brings, so that only the order of the bytes is promised. Default true. */
  readonly boundaries?: boolean;
}

/** The cases for one framing; `name` begins each title. */
export function framingConformance(name: string, subject: FramingSubject): ConformanceCase[] {
  const cases: ConformanceCase[] = [];
  const fact = (title: string, check: (framing: Framing) => void): void => {
    cases.push({ title: `${name} ${title}`, run: async () => check(await framingOf(subject)) });
  };

  fact('hands out every packet of a stream that is pushed at once', (framing) => {
    forAll(payloads(subject), (sent) => {
      const stream = streamOf(subject, sent);
      expectDelivered(subject, sent, readAll(framing, [stream.bytes], stream.longest));
    });
  });

  fact('hands out the same packets however the stream is cut', (framing) => {
    forAll(fc.tuple(payloads(subject), cuts), ([sent, sizes]) => {
      const stream = streamOf(subject, sent);
      expectDelivered(subject, sent, readAll(framing, cut(stream.bytes, sizes), stream.longest));
    });
  });

  fact('hands out the same packets when every byte comes alone', (framing) => {
    forAll(payloads(subject), (sent) => {
      const stream = streamOf(subject, sent);
      expectDelivered(subject, sent, readAll(framing, cut(stream.bytes, [1]), stream.longest));
    });
  });

  fact('hands out the same packets when the reader stops after any of them and goes on later', (framing) => {
    forAll(fc.tuple(payloads(subject), cuts, pauses), ([sent, sizes, pauseAfter]) => {
      const stream = streamOf(subject, sent);
      expectDelivered(
        subject,
        sent,
        readInPieces(framing, cut(stream.bytes, sizes), stream.longest, pauseAfter),
      );
    });
  });

  fact('serves several connections at once', (framing) => {
    forAll(fc.tuple(payloads(subject), payloads(subject), cuts), ([one, other, sizes]) => {
      const streams = [streamOf(subject, one), streamOf(subject, other)] as const;
      const readers = streams.map(({ longest }) => new Recorder(framing, longest));
      const chunks = streams.map(({ bytes }) => cut(bytes, sizes));
      for (let turn = 0; turn < Math.max(chunks[0]!.length, chunks[1]!.length); turn++) {
        readers.forEach((reader, index) => reader.read(chunks[index]![turn] ?? Buffer.alloc(0)));
      }
      expectDelivered(subject, one, readers[0]!.outcome());
      expectDelivered(subject, other, readers[1]!.outcome());
    });
  });

  fact(
    'ends in the same way for any bytes however they are cut: with packets or a ProtocolError',
    (framing) => {
      forAll(fc.tuple(garbage(subject), cuts, fc.integer({ min: 1, max: 300 })), ([bytes, sizes, limit]) => {
        const whole = readAll(framing, [bytes], limit);
        const pieces = readAll(framing, cut(bytes, sizes), limit);
        for (const { error, packets } of [whole, pieces]) {
          assert.ok(error === undefined || error instanceof ProtocolError, `threw ${String(error)}`);
          assert.ok(packets.length <= bytes.length, 'more packets than bytes');
        }
        expectSamePackets(subject, pieces.packets, whole.packets);
        assert.equal(codeOf(pieces.error), codeOf(whole.error));
      });
    },
  );

  if (subject.boundaries === false) {
    fact('splits a read of one byte more than packageMaxLength, and no shorter one', (framing) => {
      forAll(payloads(subject, 1), (sent) => {
        const { bytes } = streamOf(subject, sent);
        if (bytes.length < 2) return;
        assert.equal(readAll(framing, [bytes], bytes.length).packets.length, 1);
        assert.equal(readAll(framing, [bytes], bytes.length - 1).packets.length, 2);
      });
    });
    return cases;
  }

  fact('accepts a packet of exactly packageMaxLength and refuses one byte more', (framing) => {
    forAll(fc.tuple(payload(subject), cuts), ([sent, sizes]) => {
      const wire = subject.encode(sent);
      const chunks = cut(wire, sizes);
      expectDelivered(subject, [sent], readAll(framing, chunks, wire.length));
      if (wire.length === 1) return;
      const refused = readAll(framing, chunks, wire.length - 1);
      assert.equal(codeOf(refused.error), 'PACKET_TOO_LONG');
      assert.equal(refused.packets.length, 0);
    });
  });

  fact('keeps an incomplete packet, counts its bytes and hands out nothing of it', (framing) => {
    forAll(
      fc.tuple(payloads(subject), payload(subject), fc.nat(), cuts),
      ([before, last, position, sizes]) => {
        const stream = streamOf(subject, before);
        const wire = subject.encode(last);
        const rest = wire.subarray(0, position % wire.length);
        const recorder = new Recorder(framing, Math.max(stream.longest, wire.length));
        for (const chunk of cut(Buffer.concat([stream.bytes, rest]), sizes)) recorder.read(chunk);
        expectDelivered(subject, before, recorder.outcome());
        assert.equal(recorder.reader.buffered, rest.length);
      },
    );
  });

  fact('answers from the bytes of the packet alone, never short of it and never beyond it', (framing) => {
    forAll(fc.tuple(payload(subject), noise, noise), ([sent, front, behind]) => {
      const wire = subject.encode(sent);
      const surrounded = Buffer.concat([front, wire, behind]);
      for (let end = 1; end <= wire.length; end++) {
        const known = wire.subarray(0, end);
        const answer = framing.packetLength(known, 0, end, 0);
        assert.equal(framing.packetLength(surrounded, front.length, front.length + end, 0), answer);
        assert.equal(framing.packetLength(surrounded, front.length, front.length + end, end - 1), answer);
        if (answer > 0 || end === wire.length) assert.equal(answer, wire.length);
        else assert.ok(-answer <= wire.length, `asks for ${-answer} bytes of a packet of ${wire.length}`);
      }
      assert.ok(framing.head + framing.tail <= wire.length, 'strips more than a packet has');
    });
  });

  for (const bad of subject.bad ?? []) {
    fact(`refuses ${preview(bad)} with a ProtocolError, after the packets in front of it`, (framing) => {
      forAll(fc.tuple(payloads(subject), cuts), ([before, sizes]) => {
        const stream = streamOf(subject, before);
        const longest = Math.max(stream.longest, bad.length);
        const outcome = readAll(framing, cut(Buffer.concat([stream.bytes, bad]), sizes), longest);
        assert.ok(outcome.error instanceof ProtocolError, `ended with ${String(outcome.error)}`);
        expectSamePackets(subject, outcome.packets, before.map(deliveryOf(subject)));
      });
    });

    fact(`stays refused after ${preview(bad)}`, (framing) => {
      const reader = new PacketReader(framing, bad.length);
      reader.push(bad);
      const first = thrownBy(() => reader.next());
      reader.push(subject.encode(Buffer.alloc(0)));
      assert.equal(
        thrownBy(() => reader.next()),
        first,
      );
      assert.equal(reader.buffered, 0);
    });
  }
  return cases;
}

interface Outcome {
  readonly packets: readonly Buffer[];
  readonly error?: unknown;
}

/** Reads like a reactor and remembers each packet twice: where it lies, and what was there at the time. */
class Recorder {
  readonly reader: PacketReader;
  readonly #lying: Buffer[] = [];
  readonly #copies: Buffer[] = [];
  #error: unknown;

  constructor(framing: Framing, limit: number) {
    this.reader = new PacketReader(framing, limit);
  }

  read(chunk: Buffer): void {
    this.reader.push(chunk);
    while (this.next());
  }

  next(): boolean {
    try {
      if (!this.reader.next()) return false;
    } catch (error) {
      this.#error = error;
      return false;
    }
    const packet = this.reader.buffer.subarray(this.reader.start, this.reader.end);
    this.#lying.push(packet);
    this.#copies.push(Buffer.from(packet));
    return true;
  }

  /** What came out, looked at only now: a packet that was overwritten since shows. */
  outcome(): Outcome {
    assert.deepEqual(this.#lying, this.#copies, 'a packet changed after it was handed out');
    return { packets: this.#lying, error: this.#error };
  }
}

function readAll(framing: Framing, chunks: readonly Buffer[], limit: number): Outcome {
  const recorder = new Recorder(framing, limit);
  for (const chunk of chunks) recorder.read(chunk);
  return recorder.outcome();
}

/** Takes at most so many packets after each push, and what is left at the end. */
function readInPieces(
  framing: Framing,
  chunks: readonly Buffer[],
  limit: number,
  pauseAfter: readonly number[],
): Outcome {
  const recorder = new Recorder(framing, limit);
  chunks.forEach((chunk, index) => {
    recorder.reader.push(chunk);
    for (let taken = 0; taken < pauseAfter[index % pauseAfter.length]! && recorder.next(); taken++);
  });
  while (recorder.next());
  return recorder.outcome();
}

function streamOf(subject: FramingSubject, sent: readonly Buffer[]): { bytes: Buffer; longest: number } {
  const wires = sent.map((each) => subject.encode(each));
  return { bytes: Buffer.concat(wires), longest: Math.max(1, ...wires.map((wire) => wire.length)) };
}

function deliveryOf(subject: FramingSubject): (payload: Buffer) => Buffer {
  return (sent) => subject.deliver?.(sent) ?? subject.encode(sent);
}

function expectDelivered(subject: FramingSubject, sent: readonly Buffer[], outcome: Outcome): void {
  if (outcome.error !== undefined) throw outcome.error;
  expectSamePackets(subject, outcome.packets, sent.map(deliveryOf(subject)));
}

function expectSamePackets(
  subject: FramingSubject,
  actual: readonly Buffer[],
  expected: readonly Buffer[],
): void {
  const comparable = (packets: readonly Buffer[]): string[] =>
    (subject.boundaries === false ? [Buffer.concat(packets)] : packets).map((packet) =>
      packet.toString('hex'),
    );
  assert.deepEqual(comparable(actual), comparable(expected));
}

/** Cuts into chunks of the given sizes, over and over, each in memory of its own as after a read. */
function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = start + sizes[chunks.length % sizes.length]!;
    chunks.push(Buffer.from(bytes.subarray(start, end)));
    start = end;
  }
  return chunks;
}

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  assert.fail('nothing was thrown');
}

function codeOf(error: unknown): unknown {
  return error instanceof ProtocolError ? error.code : error;
}

function preview(bytes: Buffer): string {
  return bytes.length <= 16 ? `<${bytes.toString('hex')}>` : `<${bytes.toString('hex', 0, 16)}…>`;
}

const cuts = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 });
const pauses = fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 6 });
const noise = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes));

function payload(subject: FramingSubject): fc.Arbitrary<Buffer> {
  const byte = subject.alphabet === undefined ? fc.nat({ max: 255 }) : fc.constantFrom(...subject.alphabet);
  return fc
    .array(byte, { maxLength: subject.maxPayload ?? 200, size: 'max' })
    .map((bytes) => Buffer.from(bytes))
    .filter((bytes) => subject.carries?.(bytes) ?? true);
}

function payloads(subject: FramingSubject, maxLength = 8): fc.Arbitrary<Buffer[]> {
  return fc.array(payload(subject), { maxLength, size: 'max' });
}

/** Packets and nonsense, in any order. */
function garbage(subject: FramingSubject): fc.Arbitrary<Buffer> {
  const packet = payload(subject).map((sent) => subject.encode(sent));
  return fc.array(fc.oneof(packet, noise), { maxLength: 6 }).map((parts) => Buffer.concat(parts));
}

function forAll<T>(values: fc.Arbitrary<T>, check: (value: T) => void): void {
  fc.assert(fc.property(values, check), { numRuns: 60 });
}

async function framingOf({ framing, create }: FramingSubject): Promise<Framing> {
  if (create !== undefined) return create();
  const listeners = [{ type: 'tcp', port: 0, framing }];
  const { listeners: settings } = loadSettings(
    { listeners },
    { cpus: 1, name: 'conformance', directory: '/' },
  );
  return createFraming((settings[0] as StreamListenerSettings).framing);
}
