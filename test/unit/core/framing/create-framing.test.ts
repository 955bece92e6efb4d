import { expect } from 'chai';
import { createFraming } from '@shoal/core/internal/framing/create-framing';
import { PacketReader } from '@shoal/core/internal/framing/packet-reader';
import { packetsOf } from './packets.js';

type Settings = Parameters<typeof createFraming>[0];

async function packets(settings: Settings, text: string): Promise<string[]> {
  const reader = new PacketReader(await createFraming(settings), 100);
  reader.push(Buffer.from(text, 'latin1'));
  return packetsOf(reader);
}

describe('createFraming', () => {
  it('makes raw framing', async () => {
    expect(await packets({ kind: 'raw' }, 'a\nb')).to.deep.equal(['a\nb']);
  });

  it('makes delimiter framing, with and without the delimiter', async () => {
    expect(await packets({ kind: 'delimiter', bytes: [10], strip: false }, 'a\nb\n')).to.deep.equal([
      'a\n',
      'b\n',
    ]);
    expect(await packets({ kind: 'delimiter', bytes: [10], strip: true }, 'a\nb\n')).to.deep.equal([
      'a',
      'b',
    ]);
  });

  it('makes length-prefix framing, with and without the header', async () => {
    const settings = { kind: 'lengthPrefix', type: 'uint8', lengthOffset: 0, bodyOffset: 1 } as const;
    expect(await packets({ ...settings, strip: false }, '\x01a\x02bc')).to.deep.equal(['\x01a', '\x02bc']);
    expect(await packets({ ...settings, strip: true }, '\x01a\x02bc')).to.deep.equal(['a', 'bc']);
  });

  it('loads a custom framing', async () => {
    const module = new URL('../../../fixtures/framing/type-length-value.js', import.meta.url).href;
    expect(await packets({ kind: 'custom', module }, 'a3:xyzb0:')).to.deep.equal(['a3:xyz', 'b0:']);
  });
});
