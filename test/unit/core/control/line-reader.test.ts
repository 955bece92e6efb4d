import fc from 'fast-check';
import { expect } from 'chai';
import { LineReader } from '@shoal/core/internal/control/line-reader';

const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', ' '));

describe('LineReader', () => {
  it('gives the lines that were written, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(line),
        fc.string(),
        fc.infiniteStream(fc.integer({ min: 1, max: 7 })),
        (lines, rest, sizes) => {
          const reader = new LineReader(100_000);
          const bytes = Buffer.from(lines.map((each) => `${each}\n`).join('') + rest.replaceAll('\n', ''));
          const read: string[] = [];
          for (let at = 0; at < bytes.length;) {
            const size = sizes.next().value;
            read.push(...reader.push(bytes.subarray(at, at + size)));
            at += size;
          }
          expect(read).to.deep.equal(lines);
          expect(reader.overflowed).to.equal(false);
        },
      ),
    );
  });

  it('takes a line of exactly the longest length and no byte more, however it is cut', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 50 }), (longest, size) => {
        const fits = pushAll(
          new LineReader(longest),
          `${'x'.repeat(longest)}\nnext\n`.slice(0, longest + 1),
          size,
        );
        expect(fits).to.deep.equal({ lines: ['x'.repeat(longest)], overflowed: false });
        const over = pushAll(new LineReader(longest), `${'x'.repeat(longest + 1)}\nnext\n`, size);
        expect(over).to.deep.equal({ lines: [], overflowed: true });
      }),
    );
  });

  it('gives the lines before one that is too long, and none after it', () => {
    const reader = new LineReader(3);
    expect(reader.push(Buffer.from('one\ntwo\nthree\nfou\n'))).to.deep.equal(['one', 'two']);
    expect(reader.push(Buffer.from('six\n'))).to.deep.equal([]);
    expect(reader.overflowed).to.equal(true);
  });

  it('keeps no reference to what it was given', () => {
    const reader = new LineReader(10);
    const chunk = Buffer.from('abc');
    reader.push(chunk);
    chunk.fill('z');
    expect(reader.push(Buffer.from('d\n'))).to.deep.equal(['abcd']);
  });
});

function pushAll(reader: LineReader, text: string, size: number): { lines: string[]; overflowed: boolean } {
  const bytes = Buffer.from(text);
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += size) lines.push(...reader.push(bytes.subarray(at, at + size)));
  return { lines, overflowed: reader.overflowed };
}
