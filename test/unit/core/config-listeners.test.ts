import { expect } from 'chai';
import { custom, delimiter, lengthPrefix, raw, tcp } from '@shoal/core/internal/config/listeners';

describe('The functions that write listeners', () => {
  it('return plain data that JSON keeps', () => {
    const listeners = [
      tcp({ port: 1 }),
      tcp({ port: 2, name: 'lines', framing: delimiter('\n', { strip: true }), heartbeatIdleTime: '60s' }),
      tcp({ port: 3, framing: lengthPrefix({ type: 'N', lengthOffset: 1, bodyOffset: 0 }) }),
      tcp({ port: 4, framing: custom(new URL('file:///srv/framing.js')) }),
      tcp({ port: 5, framing: raw() }),
    ];
    expect(JSON.parse(JSON.stringify(listeners))).to.deep.equal(listeners);
    expect(listeners).to.deep.equal([
      { type: 'tcp', port: 1 },
      {
        type: 'tcp',
        port: 2,
        name: 'lines',
        framing: { kind: 'delimiter', bytes: [10], strip: true },
        heartbeatIdleTime: '60s',
      },
      { type: 'tcp', port: 3, framing: { kind: 'lengthPrefix', type: 'N', lengthOffset: 1, bodyOffset: 0 } },
      { type: 'tcp', port: 4, framing: { kind: 'custom', module: 'file:///srv/framing.js' } },
      { type: 'tcp', port: 5, framing: { kind: 'raw' } },
    ]);
  });

  it('take a delimiter as text in UTF-8 or as bytes', () => {
    expect(delimiter('é').bytes).to.deep.equal([0xc3, 0xa9]);
    expect(delimiter(Buffer.from([0, 255])).bytes).to.deep.equal([0, 255]);
  });

  it('check nothing, so that all problems are told together', () => {
    expect(tcp({ port: -1, framing: delimiter('') })).to.deep.equal({
      type: 'tcp',
      port: -1,
      framing: { kind: 'delimiter', bytes: [] },
    });
    expect(custom('./framing.js')).to.deep.equal({ kind: 'custom', module: './framing.js' });
  });

  it('do not compile with a unit, a type or a name that does not exist', () => {
    const wrong = [
      // @ts-expect-error a day is no unit of a duration
      tcp({ port: 1, heartbeatIdleTime: '1d' }),
      // @ts-expect-error decimal units are no sizes
      tcp({ port: 1, packageMaxLength: '1MB' }),
      // @ts-expect-error a width needs its byte order
      lengthPrefix({ type: 'int16' }),
      // @ts-expect-error a slip of the pen
      tcp({ prot: 1 }),
    ];
    expect(wrong).to.have.length(4);
  });
});
