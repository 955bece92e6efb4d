import { expect } from 'chai';
import { decode, encode } from '@shoal/core/internal/pipe/payload';

describe('A payload', () => {
  it('keeps what an array has beside its elements', () => {
    const found = /b(?<rest>c)/.exec('abc')!;
    for (const value of [found, Object.assign([1], { of: 'x' }), { deep: [Object.assign([], { a: 1 })] }])
      expect(travelled(value)).to.deep.equal(structuredClone(value));
    expect(travelled(found)).to.have.property('input', 'abc');
  });

  it('has arrays with a memory of their own, of their own length', () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const value = {
      floats: Float64Array.of(1.5, -2),
      part: bytes.subarray(1),
      view: new DataView(bytes.buffer, 2, 1),
      text: Buffer.from('abc'),
    };
    const there = travelled(value) as typeof value;
    const { view, ...rest } = there;
    expect({ ...rest, view: view.getUint8(0) }).to.deep.equal({ ...value, view: 3 });
    expect([there.floats, there.part, there.view].map(({ buffer }) => buffer.byteLength)).to.deep.equal([
      16, 2, 1,
    ]);
    expect(there.text).to.be.instanceOf(Buffer);
  });

  it('shares no memory with the pipe that brought it', () => {
    const { encoding, body } = encode([Buffer.from('abc'), Uint8Array.of(7), new Uint8Array(8).buffer]);
    const chunk = Buffer.from(body as Buffer);
    const value = decode(encoding, chunk, 0, chunk.length);
    chunk.fill(0xff);
    expect(value).to.deep.equal([Buffer.from('abc'), Uint8Array.of(7), new Uint8Array(8).buffer]);
  });

  it('that holds one object over and over is no larger for it, and soon encoded', () => {
    let nested: unknown = ['x'];
    for (let level = 0; level < 10; level++) nested = Array.from({ length: 10 }, () => nested);
    const { bytes } = encode(nested);
    expect(bytes).to.be.below(10_000);
    const [first, second] = travelled(nested) as unknown[];
    expect(first).to.equal(second);
  });
});

function travelled(value: unknown): unknown {
  const { encoding, body } = encode(value);
  const buffer = Buffer.from(body as Buffer);
  return decode(encoding, buffer, 0, buffer.length);
}
