import { expect } from 'chai';
import { decode, encode } from '@shoal/core/internal/pipe/payload';

describe('A payload', () => {
  it('keeps what an array has beside its elements', () => {
    const found = /b(?<rest>c)/.exec('abc')!;
    for (const value of [found, Object.assign([1], { of: 'x' }), { deep: [Object.assign([], { a: 1 })] }])
      expect(travelled(value)).to.deep.equal(structuredClone(value));
    expect(travelled(found)).to.have.property('input', 'abc');
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
