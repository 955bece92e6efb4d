import { expect } from 'chai';
import { DelimiterFraming } from '@shoal/core/internal/framing/delimiter';
import { PacketReader } from '@shoal/core/internal/framing/packet-reader';
import { framingConformance } from '@shoal/testing/internal/conformance/framing';
import { packetsOf } from './packets.js';

interface Example {
  readonly name: string;
  readonly delimiter: string;
  /** Holds the bytes of the delimiter and little else, so that it nearly occurs all the time. */
  readonly alphabet: string;
  readonly maxPayload: number;
}

const examples: Example[] = [
  { name: 'a line feed', delimiter: '\n', alphabet: '\r\0ab', maxPayload: 80 },
  { name: 'carriage return and line feed', delimiter: '\r\n', alphabet: '\r\nabc', maxPayload: 20 },
  { name: 'an empty line', delimiter: '\r\n\r\n', alphabet: '\r\na', maxPayload: 30 },
  { name: 'a delimiter that overlaps its own start', delimiter: 'aab', alphabet: 'aabc', maxPayload: 20 },
  { name: 'a delimiter of one repeated byte', delimiter: 'aaaa', alphabet: 'abc', maxPayload: 20 },
];

const delimiter = (text: string, strip = false): DelimiterFraming =>
  new DelimiterFraming(Buffer.from(text, 'latin1'), strip);

describe('DelimiterFraming', () => {
  for (const { name, delimiter: end, alphabet, maxPayload } of examples) {
    const encode = (payload: Buffer): Buffer => Buffer.concat([payload, Buffer.from(end)]);
    for (const strip of [false, true]) {
      const conformance = framingConformance(strip ? `${name}, stripped,` : name, {
        create: () => delimiter(end, strip),
        encode,
        deliver: (payload) => (strip ? payload : encode(payload)),
        alphabet: [...Buffer.from(alphabet)],
        maxPayload,
        carries: (payload) => encode(payload).indexOf(end) === payload.length,
      });
      for (const fact of conformance) it(fact.title, fact.run);
    }
  }

  it('ends a packet at the first of several ways to see the delimiter', () => {
    const reader = new PacketReader(delimiter('aa'), 100);
    reader.push(Buffer.from('xaaaay'));
    expect(packetsOf(reader)).to.deep.equal(['xaa', 'aa']);
    expect(reader.buffered).to.equal(1);
  });

  it('hands out an empty packet for an empty line when it strips', () => {
    const reader = new PacketReader(delimiter('\n', true), 100);
    reader.push(Buffer.from('\n\na\n'));
    expect(packetsOf(reader)).to.deep.equal(['', '', 'a']);
  });

  it('finds a delimiter that came in as many chunks as it has bytes', () => {
    const reader = new PacketReader(delimiter('\r\n\r\n'), 100);
    for (const byte of 'GET\r\n\r') reader.push(Buffer.from(byte));
    expect(packetsOf(reader)).to.deep.equal([]);
    reader.push(Buffer.from('\nrest'));
    expect(packetsOf(reader)).to.deep.equal(['GET\r\n\r\n']);
  });

  it('does not see a delimiter of which the last byte lies behind the end', () => {
    const bytes = Buffer.from('ab\r\n');
    expect(delimiter('\r\n').packetLength(bytes, 0, 4, 0)).to.equal(4);
    expect(delimiter('\r\n').packetLength(bytes, 0, 3, 0)).to.equal(0);
  });

  it('starts over only the bytes of a cut delimiter, not over what was scanned', () => {
    const bytes = Buffer.from('\r\n..........\r\n');
    expect(delimiter('\r\n').packetLength(bytes, 0, bytes.length, 3)).to.equal(bytes.length);
    expect(delimiter('\r\n').packetLength(bytes, 0, bytes.length, bytes.length - 1)).to.equal(bytes.length);
  });
});
