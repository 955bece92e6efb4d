import { expect } from 'chai';
import { lengthTypes, type LengthType } from '@shoal/core/internal/config/length-type';
import { ProtocolError } from '@shoal/core/internal/errors';
import type { Framing } from '@shoal/core/internal/framing/framing';
import { LengthPrefixFraming } from '@shoal/core/internal/framing/length-prefix';
import { PacketReader } from '@shoal/core/internal/framing/packet-reader';
import { framingConformance } from '@shoal/testing/internal/conformance/framing';
import { packetsOf, thrownBy } from './packets.js';

const types = Object.keys(lengthTypes) as LengthType[];

/** The field as Node writes it, so that the test does not share code with what it tests. */
function field(type: LengthType, value: number | bigint): Buffer {
  const { size } = lengthTypes[type];
  const view = new DataView(new ArrayBuffer(8));
  view.setBigInt64(0, BigInt(value), type.endsWith('le'));
  const bytes = Buffer.from(view.buffer);
  return type.endsWith('le') ? bytes.subarray(0, size) : bytes.subarray(8 - size);
}

const framing = (type: LengthType, lengthOffset: number, bodyOffset: number, strip = false): Framing =>
  new LengthPrefixFraming({ type, lengthOffset, bodyOffset, strip });

describe('LengthPrefixFraming', () => {
  for (const type of types) {
    const { size } = lengthTypes[type];
    const negative = type.startsWith('int') ? [field(type, -1)] : [];

    const body = framingConformance(`${type} of the body`, {
      create: () => framing(type, 0, size),
      encode: (payload) => Buffer.concat([field(type, payload.length), payload]),
      maxPayload: 127,
      bad: negative,
    });
    for (const fact of body) it(fact.title, fact.run);

    const whole = framingConformance(`${type} of the whole packet, behind two bytes and stripped,`, {
      create: () => framing(type, 2, 0, true),
      encode: (payload) =>
        Buffer.concat([Buffer.from('MQ'), field(type, 2 + size + payload.length), payload]),
      deliver: (payload) => payload,
      maxPayload: 127 - 2 - size,
      bad: [
        ...negative.map((bytes) => Buffer.concat([Buffer.from('MQ'), bytes])),
        Buffer.concat([Buffer.from('MQ'), field(type, 0)]),
        Buffer.concat([Buffer.from('MQ'), field(type, 2 + size - 1)]),
      ],
    });
    for (const fact of whole) it(fact.title, fact.run);
  }

  const spaced = framingConformance('a length with bytes in front and behind', {
    create: () => framing('int16be', 3, 9, true),
    encode: (payload) =>
      Buffer.concat([Buffer.from('abc'), field('int16be', payload.length), Buffer.from('defg'), payload]),
    deliver: (payload) => payload,
    bad: [Buffer.concat([Buffer.from('abc'), field('int16be', -1), Buffer.from('defg')])],
  });
  for (const fact of spaced) it(fact.title, fact.run);

  const counted = framingConformance('a length that counts itself but not what is in front of it', {
    create: () => framing('uint16be', 2, 2, true),
    encode: (payload) => Buffer.concat([Buffer.from('ab'), field('uint16be', payload.length + 2), payload]),
    deliver: (payload) => payload,
    bad: [Buffer.concat([Buffer.from('ab'), field('uint16be', 1)])],
  });
  for (const fact of counted) it(fact.title, fact.run);

  it('asks for the bytes up to the end of the field before it knows the length', () => {
    const packet = Buffer.concat([Buffer.from('ab'), field('uint32le', 10)]);
    expect(framing('uint32le', 2, 6).packetLength(packet, 0, 5, 0)).to.equal(-6);
    expect(framing('uint32le', 2, 6).packetLength(packet, 0, 6, 0)).to.equal(16);
  });

  it('refuses a length of the whole packet that is one byte less than its header', () => {
    const length = (value: number) => () =>
      framing('uint32be', 0, 0).packetLength(field('uint32be', value), 0, 4, 0);
    expect(length(4)()).to.equal(4);
    expect(thrownBy(length(3))).to.include({ code: 'PACKET_LENGTH_INVALID' });
    expect(length(3)).to.throw(ProtocolError, /uint32be .* says 3, .* least .* is 4/);
  });

  it('refuses a length of 0 for the whole packet instead of reading it for ever', () => {
    const reader = new PacketReader(framing('uint8', 0, 0), 100);
    reader.push(Buffer.from([0, 0, 0]));
    expect(thrownBy(() => reader.next())).to.include({ code: 'PACKET_LENGTH_INVALID' });
  });

  for (const type of ['uint64be', 'uint64le', 'int64be', 'int64le'] as const) {
    it(`reads ${type} up to 2^53 - 1 exactly and refuses 2^53 and the greatest number as too long`, () => {
      const length = (value: bigint) => () => framing(type, 0, 0).packetLength(field(type, value), 0, 8, 0);
      expect(length(2n ** 53n - 1n)()).to.equal(Number.MAX_SAFE_INTEGER);
      for (const value of [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n]) {
        expect(thrownBy(length(value)))
          .to.be.instanceOf(ProtocolError)
          .and.include({ code: 'PACKET_TOO_LONG' });
      }
    });

    it(`refuses ${type} that passes 2^53 - 1 only with what is in front of the body`, () => {
      const length = (value: bigint) => () => framing(type, 0, 8).packetLength(field(type, value), 0, 8, 0);
      expect(length(2n ** 53n - 9n)()).to.equal(Number.MAX_SAFE_INTEGER);
      expect(thrownBy(length(2n ** 53n - 8n))).to.include({ code: 'PACKET_TOO_LONG' });
    });
  }

  for (const type of ['int64be', 'int64le'] as const) {
    it(`refuses the least ${type} and -1 as invalid`, () => {
      for (const value of [-(2n ** 63n), -1n]) {
        const bytes = field(type, value);
        expect(thrownBy(() => framing(type, 0, 8).packetLength(bytes, 0, 8, 0))).to.include({
          code: 'PACKET_LENGTH_INVALID',
        });
      }
    });
  }

  for (const type of ['uint64be', 'uint64le'] as const) {
    it(`takes the highest bit of ${type} for a large number, not for a sign`, () => {
      const bytes = field(type, -1n);
      expect(thrownBy(() => framing(type, 0, 8).packetLength(bytes, 0, 8, 0))).to.include({
        code: 'PACKET_TOO_LONG',
      });
    });
  }

  it('refuses an announced length of one byte more than packageMaxLength as soon as the field is there', () => {
    const announce = (value: number): PacketReader => {
      const reader = new PacketReader(framing('uint32be', 0, 4), 100);
      reader.push(field('uint32be', value));
      return reader;
    };
    expect(announce(96).next()).to.equal(false);
    const refused = announce(97);
    expect(thrownBy(() => refused.next())).to.include({
      code: 'PACKET_TOO_LONG',
      message: 'a packet of 101 bytes is longer than packageMaxLength, 100 bytes',
    });
  });

  it('hands out a packet without body', () => {
    const reader = new PacketReader(framing('uint16be', 0, 2, true), 100);
    reader.push(Buffer.from([0, 0, 0, 1, 0x61, 0, 0]));
    expect(packetsOf(reader)).to.deep.equal(['', 'a', '']);
  });
});
