import { expect } from 'chai';
import { createFraming } from '@shoal/core/internal/framing/create-framing';
import { ReaderPool } from '@shoal/core/internal/framing/reader-pool';
import { packetsOf } from './packets.js';

async function lines(): Promise<ReaderPool> {
  const framing = await createFraming({ kind: 'delimiter', bytes: [10], strip: true });
  return new ReaderPool(framing, 100);
}

describe('ReaderPool', () => {
  it('lends one reader to all who come one after the other', async () => {
    const pool = await lines();
    const reader = pool.take();
    for (const text of ['a\nb\n', 'c\n']) {
      reader.push(Buffer.from(text));
      expect(packetsOf(reader).join('')).to.equal(text.replaceAll('\n', ''));
      pool.give(reader);
      expect(pool.take()).to.equal(reader);
    }
  });

  it('has another one for everybody whose packet is not whole, and forgets what was in those that come back', async () => {
    const pool = await lines();
    const [one, other] = [pool.take(), pool.take()];
    expect(one).not.to.equal(other);
    one.push(Buffer.from('lo'));
    other.push(Buffer.from('short\n'));
    expect([packetsOf(one), packetsOf(other)]).to.deep.equal([[], ['short']]);
    one.push(Buffer.from('ng\n'));
    expect(packetsOf(one)).to.deep.equal(['long']);
    pool.give(one);
    const again = pool.take();
    again.push(Buffer.from('new\n'));
    expect(packetsOf(again)).to.deep.equal(['new']);
  });

  it('keeps 64 of them and not one more', async () => {
    const pool = await lines();
    const readers = new Set(Array.from({ length: 65 }, () => pool.take()));
    for (const reader of readers) pool.give(reader);
    const kept = Array.from({ length: 65 }, () => pool.take()).filter((reader) => readers.has(reader));
    expect(kept).to.have.lengthOf(64);
  });
});
