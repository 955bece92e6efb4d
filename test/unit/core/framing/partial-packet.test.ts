import { expect } from 'chai';
import fc from 'fast-check';
import { PartialPacket } from '@shoal/core/internal/framing/partial-packet';
import { copiedBytes } from './packets.js';

const KIB = 1024;

describe('PartialPacket', () => {
  it('has the bytes that were appended, whenever it is asked for all of them', () => {
    const piece = fc.record({ bytes: fc.uint8Array({ maxLength: 5_000 }), asks: fc.boolean() });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.nat(3), (pieces, more) => {
        const all = Buffer.concat(pieces.map(({ bytes }) => bytes));
        const partial = new PartialPacket();
        for (const { bytes, asks } of pieces) {
          const before = partial.length;
          partial.append(Buffer.from(bytes), 0, bytes.length, all.length + more);
          expect(partial.length).to.equal(before + bytes.length);
          if (asks) expect(partial.whole().equals(all.subarray(0, partial.length))).to.equal(true);
        }
        expect(partial.whole().equals(all)).to.equal(true);
      }),
    );
  });

  it('leaves alone what was handed out', () => {
    const partial = new PartialPacket();
    partial.append(Buffer.from('first'), 0, 5, 100);
    const first = partial.whole();
    partial.clear();
    partial.append(Buffer.from('other'), 0, 5, 100);
    expect([first, partial.whole()].map(String)).to.deep.equal(['first', 'other']);
  });

  for (const total of [1_024 * KIB, 1_024 * KIB + 1, 1_500 * KIB, 2_047 * KIB]) {
    it(`copies a few times the bytes that come, at any time, for a packet of ${total} bytes`, () => {
      const partial = new PartialPacket();
      const chunk = Buffer.alloc(16 * KIB);
      let copied = 0;
      while (partial.length < total) {
        const bytes = Math.min(chunk.length, total - partial.length);
        const once = copiedBytes(() => partial.append(chunk, 0, bytes, total));
        expect(once, `at ${partial.length}`).to.be.at.most(3 * chunk.length);
        copied += once + copiedBytes(() => void (partial.length === total && partial.whole()));
      }
      expect(copied).to.be.at.most(3 * total);
    });
  }
});
