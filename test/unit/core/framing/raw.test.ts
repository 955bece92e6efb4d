import { expect } from 'chai';
import { PacketReader } from '@shoal/core/internal/framing/packet-reader';
import { RawFraming } from '@shoal/core/internal/framing/raw';
import { framingConformance } from '@shoal/testing/internal/conformance/framing';
import { packetsOf } from './packets.js';

describe('RawFraming', () => {
  const conformance = framingConformance('raw', {
    create: () => new RawFraming(),
    encode: (payload) => payload,
    boundaries: false,
  });
  for (const fact of conformance) it(fact.title, fact.run);

  it('makes one packet of each push, however late they are asked for', () => {
    const reader = new PacketReader(new RawFraming(), 100);
    reader.push(Buffer.from('one'));
    reader.push(Buffer.from('two'));
    expect(packetsOf(reader)).to.deep.equal(['one', 'two']);
  });

  it('hands out the chunk itself, not a copy', () => {
    const reader = new PacketReader(new RawFraming(), 100);
    const chunk = Buffer.from('as it came');
    reader.push(chunk);
    expect(reader.next()).to.equal(true);
    expect(reader.buffer).to.equal(chunk);
  });

  it('splits a push longer than packageMaxLength into packets of at most that', () => {
    const reader = new PacketReader(new RawFraming(), 4);
    reader.push(Buffer.from('abcdefghi'));
    expect(packetsOf(reader)).to.deep.equal(['abcd', 'efgh', 'i']);
  });
});
