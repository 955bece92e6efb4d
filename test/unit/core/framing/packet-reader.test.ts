import { expect } from 'chai';
import { ProtocolError } from '@shoal/core/internal/errors';
import { DelimiterFraming } from '@shoal/core/internal/framing/delimiter';
import type { Framing } from '@shoal/core/internal/framing/framing';
import { LengthPrefixFraming } from '@shoal/core/internal/framing/length-prefix';
import { PacketReader } from '@shoal/core/internal/framing/packet-reader';
import { copiedBytes, packetsOf, thrownBy } from './packets.js';

const MIB = 1024 * 1024;

const lines = (strip = false): Framing => new DelimiterFraming([10], strip);
const prefixed = (): Framing =>
  new LengthPrefixFraming({ type: 'uint32be', lengthOffset: 0, bodyOffset: 4, strip: false });

function prefixedPacket(total: number): Buffer {
  const packet = Buffer.alloc(total, 0x78);
  packet.writeUInt32BE(total - 4, 0);
  return packet;
}

/** The same framing, and how many bytes it was asked to look at that it had not seen before. */
function counted(framing: Framing): Framing & { asked: number; fresh: number } {
  return {
    head: framing.head,
    tail: framing.tail,
    asked: 0,
    fresh: 0,
    packetLength(buffer, start, end, scanned) {
      this.asked++;
      this.fresh += end - start - scanned;
      return framing.packetLength(buffer, start, end, scanned);
    },
  };
}

function pushInChunks(reader: PacketReader, bytes: Buffer, size: number): number {
  let packets = 0;
  for (let start = 0; start < bytes.length; start += size) {
    reader.push(bytes.subarray(start, start + size));
    packets += packetsOf(reader).length;
  }
  return packets;
}

describe('PacketReader', () => {
  it('hands out whole packets of a chunk where they lie, without copying a byte', () => {
    const reader = new PacketReader(lines(true), 100);
    const chunk = Buffer.from('one\ntwo\n');
    const copied = copiedBytes(() => {
      reader.push(chunk);
      expect(reader.next()).to.equal(true);
      expect([reader.buffer, reader.start, reader.end]).to.deep.equal([chunk, 0, 3]);
      expect(reader.buffer).to.equal(chunk);
      expect(reader.next()).to.equal(true);
      expect([reader.start, reader.end]).to.deep.equal([4, 7]);
      expect(reader.next()).to.equal(false);
    });
    expect(copied).to.equal(0);
  });

  it('goes on in the middle of a chunk without another push', () => {
    const reader = new PacketReader(lines(true), 100);
    reader.push(Buffer.from('one\ntwo\nth'));
    expect(reader.next()).to.equal(true);
    expect(reader.buffered).to.equal(6);
    reader.push(Buffer.from('ree\n'));
    expect(reader.buffered).to.equal(10);
    expect(packetsOf(reader)).to.deep.equal(['two', 'three']);
    expect(reader.buffered).to.equal(0);
  });

  it('keeps the order of pushes while some of them wait and the one in front of them is used up', () => {
    const reader = new PacketReader(lines(true), 100);
    reader.push(Buffer.from('one\n'));
    reader.push(Buffer.from('two\n'));
    expect(reader.next()).to.equal(true);
    reader.push(Buffer.from('three\n'));
    expect(reader.buffered).to.equal(10);
    expect(packetsOf(reader)).to.deep.equal(['two', 'three']);
  });

  it('says false again and again while nothing is pushed', () => {
    const reader = new PacketReader(lines(), 100);
    expect(reader.next()).to.equal(false);
    reader.push(Buffer.from('part'));
    expect(reader.next()).to.equal(false);
    expect(reader.next()).to.equal(false);
    expect(reader.buffered).to.equal(4);
  });

  it('copies little more of a chunk than belongs to the packet that began before it', () => {
    const reader = new PacketReader(prefixed(), 64 * 1024);
    const stream = Buffer.concat(Array.from({ length: 2048 }, () => prefixedPacket(100)));
    const copied = copiedBytes(() => {
      expect(pushInChunks(reader, stream, 64 * 1024)).to.equal(2048);
    });
    const borders = Math.floor(stream.length / (64 * 1024));
    expect(copied).to.be.within(1, borders * 1100);
  });

  it('goes back to the chunk behind a packet that began before it', () => {
    const reader = new PacketReader(lines(), 100);
    reader.push(Buffer.from('on'));
    expect(reader.next()).to.equal(false);
    const chunk = Buffer.from('e\ntwo\n');
    reader.push(chunk);
    expect(reader.next()).to.equal(true);
    expect(reader.buffer).not.to.equal(chunk);
    expect(reader.next()).to.equal(true);
    expect(reader.buffer).to.equal(chunk);
    expect([reader.start, reader.end]).to.deep.equal([2, 6]);
  });

  for (const chunkSize of [1, 1024, 64 * 1024]) {
    const total = chunkSize === 1 ? 64 * 1024 : 16 * MIB;

    it(`copies a byte three times at most when ${total} bytes of one packet come ${chunkSize} at a time`, () => {
      const framing = counted(prefixed());
      const reader = new PacketReader(framing, 16 * MIB);
      const packet = prefixedPacket(total);
      const copied = copiedBytes(() => {
        expect(pushInChunks(reader, packet, chunkSize)).to.equal(1);
      });
      expect(copied).to.be.within(total, 3 * total);
      expect(framing.asked).to.be.at.most(5);
    });

    it(`looks at a byte once when ${total} bytes of one line come ${chunkSize} at a time`, () => {
      const framing = counted(lines());
      const reader = new PacketReader(framing, 16 * MIB);
      const line = Buffer.alloc(total, 0x78);
      line[total - 1] = 10;
      const copied = copiedBytes(() => {
        expect(pushInChunks(reader, line, chunkSize)).to.equal(1);
      });
      expect(copied).to.be.within(total, 3 * total);
      expect(framing.fresh).to.equal(total);
    });
  }

  it('does not show a framing the room behind the bytes that it holds', () => {
    const shown: number[] = [];
    const whole: Framing = {
      head: 0,
      tail: 0,
      packetLength: (buffer) => (shown.push(buffer.length), 0),
    };
    const reader = new PacketReader(whole, 1 * MIB);
    for (let pushed = 0; pushed < 3; pushed++) {
      reader.push(Buffer.alloc(5000));
      reader.next();
    }
    expect(shown.at(-1)).to.equal(15_000);
  });

  it('does not ask again before the bytes are there that the framing asked for', () => {
    const framing = counted({
      head: 0,
      tail: 0,
      packetLength: (_buffer, start, end) => (end - start < 10 ? -10 : 10),
    });
    const reader = new PacketReader(framing, 100);
    expect(pushInChunks(reader, Buffer.alloc(10), 1)).to.equal(1);
    expect(framing.asked).to.equal(2);
  });

  it('counts as scanned only what it has shown, not what came while it waited', () => {
    const scans: number[] = [];
    const reader = new PacketReader(
      {
        head: 0,
        tail: 0,
        packetLength: (_buffer, start, end, scanned) => (scans.push(scanned), end - start < 10 ? -10 : 10),
      },
      100,
    );
    expect(pushInChunks(reader, Buffer.alloc(10), 3)).to.equal(1);
    expect(scans).to.deep.equal([0, 3]);
  });

  it('holds no chunk for the sake of a few bytes that are left of it', () => {
    const reader = new PacketReader(lines(), 100);
    const chunk = Buffer.from('whole\npart');
    reader.push(chunk);
    packetsOf(reader);
    chunk.fill('!');
    reader.push(Buffer.from('ly\n'));
    expect(packetsOf(reader)).to.deep.equal(['partly\n']);
  });

  it('refers to no packet any more once it has said false', () => {
    const reader = new PacketReader(lines(), 100);
    reader.push(Buffer.from('one\n'));
    packetsOf(reader);
    expect(reader.buffer.length).to.equal(0);
  });

  it('leaves packets alone that lay across chunks while it reads on', () => {
    const reader = new PacketReader(lines(), 100);
    const packets: Buffer[] = [];
    for (const chunk of ['a', 'b\nc', 'd\ne', 'f\n']) {
      reader.push(Buffer.from(chunk));
      while (reader.next()) packets.push(reader.buffer.subarray(reader.start, reader.end));
    }
    expect(packets.map(String)).to.deep.equal(['ab\n', 'cd\n', 'ef\n']);
  });

  it('refuses packageMaxLength bytes without a boundary at once, and waits at one byte less', () => {
    const reader = new PacketReader(lines(), 8);
    reader.push(Buffer.from('1234567'));
    expect(reader.next()).to.equal(false);
    reader.push(Buffer.from('8'));
    expect(thrownBy(() => reader.next())).to.include({
      code: 'PACKET_TOO_LONG',
      message: 'a packet does not end within packageMaxLength, 8 bytes',
    });
  });

  it('counts the bytes that strip cuts off towards packageMaxLength', () => {
    const limited = (text: string): PacketReader => {
      const reader = new PacketReader(lines(true), 4);
      reader.push(Buffer.from(text));
      return reader;
    };
    expect(packetsOf(limited('123\n'))).to.deep.equal(['123']);
    expect(thrownBy(() => limited('1234\n').next())).to.include({ code: 'PACKET_TOO_LONG' });
  });

  it('hands out what came in front of the fault, then throws the same error for ever and holds nothing', () => {
    const reader = new PacketReader(lines(true), 4);
    reader.push(Buffer.from('one\ntoo long\nok\n'));
    reader.push(Buffer.from('ok\n'));
    expect(reader.next()).to.equal(true);
    const error = thrownBy(() => reader.next());
    expect(error).to.be.instanceOf(ProtocolError);
    expect(reader.buffered).to.equal(0);
    reader.push(Buffer.from('ok\n'));
    expect(reader.buffered).to.equal(0);
    expect(thrownBy(() => reader.next())).to.equal(error);
  });

  for (const answer of [NaN, Infinity]) {
    it(`fails instead of waiting for ever when a framing answers ${answer}`, () => {
      const reader = new PacketReader({ head: 0, tail: 0, packetLength: () => answer }, 100);
      reader.push(Buffer.from('abc'));
      expect(thrownBy(() => reader.next())).to.include({ code: 'FRAMING_FAILED' });
    });
  }

  it('holds at most about twice what came of a packet whose length was only announced', () => {
    const allotted: number[] = [];
    const { allocUnsafe } = Buffer;
    Buffer.allocUnsafe = (size) => (allotted.push(size), allocUnsafe(size));
    try {
      const reader = new PacketReader(prefixed(), 16 * MIB);
      pushInChunks(reader, prefixedPacket(16 * MIB).subarray(0, 3000), 1000);
      expect(Math.max(...allotted)).to.be.at.most(2 * 3000);
    } finally {
      Buffer.allocUnsafe = allocUnsafe;
    }
  });
});
