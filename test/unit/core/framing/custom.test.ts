import { expect } from 'chai';
import { ConfigError, ProtocolError } from '@shoal/core/internal/errors';
import { CustomFraming, loadCustomFraming, type PacketLength } from '@shoal/core/internal/framing/custom';
import { PacketReader } from '@shoal/core/internal/framing/packet-reader';
import { framingConformance } from '@shoal/testing/internal/conformance/framing';
import { packetsOf, thrownBy } from './packets.js';

const fixture = (name: string): string =>
  new URL(`../../../fixtures/framing/${name}.js`, import.meta.url).href;

const lengthOf = (measure: PacketLength, bytes = 'abc'): number =>
  new CustomFraming(measure, 'file:///mine.js').packetLength(Buffer.from(bytes), 0, bytes.length, 0);

describe('CustomFraming', () => {
  const conformance = framingConformance('a framing module', {
    create: () => loadCustomFraming(fixture('type-length-value')),
    encode: (payload) => Buffer.concat([Buffer.from(`t${payload.length}:`), payload]),
    bad: [Buffer.from('T1:a'), Buffer.from('t1x'), Buffer.from('t1234567:')],
  });
  for (const fact of conformance) it(fact.title, fact.run);

  it('shows the function the bytes from the start of the packet on, and how many of them it has seen', () => {
    const shown: [string, number][] = [];
    const reader = new PacketReader(
      new CustomFraming((bytes, scanned) => {
        shown.push([bytes.toString(), scanned]);
        return bytes.length < 3 ? 0 : 3;
      }, 'file:///mine.js'),
      100,
    );
    for (const chunk of ['abcd', 'e', 'fgh']) {
      reader.push(Buffer.from(chunk));
      packetsOf(reader);
    }
    expect(shown).to.deep.equal([
      ['abcd', 0],
      ['d', 0],
      ['de', 1],
      ['defgh', 2],
      ['gh', 0],
    ]);
  });

  it('gives back what the function wanted to see behind a boundary', () => {
    const beforeTwoSpaces: PacketLength = (bytes) => Math.max(0, bytes.indexOf('  '));
    for (const chunks of [['ab', ' ', ' '], ['ab  '], ['a', 'b', ' ', ' x'], ['ab', '  ', 'x']]) {
      const reader = new PacketReader(new CustomFraming(beforeTwoSpaces, 'file:///mine.js'), 100);
      for (const chunk of chunks) reader.push(Buffer.from(chunk));
      expect(reader.next(), chunks.join('|')).to.equal(true);
      expect(reader.buffer.toString('latin1', reader.start, reader.end)).to.equal('ab');
      expect(reader.buffered).to.equal(chunks.join('').length - 2);
    }
  });

  it('takes 0 for more bytes and any other whole number for the length', () => {
    expect(lengthOf(() => 0)).to.equal(0);
    expect(lengthOf(() => 1)).to.equal(1);
    expect(lengthOf(() => 1000)).to.equal(1000);
  });

  it('blames the peer when the function returns a negative number', () => {
    expect(() => lengthOf(() => -1)).to.throw(ProtocolError, /file:\/\/\/mine\.js refused the bytes/);
    expect(thrownBy(() => lengthOf(() => -1))).to.include({ code: 'FRAMING_FAILED' });
  });

  it('keeps what the function threw as the cause', () => {
    const cause = new RangeError('no such type');
    const error = thrownBy(() =>
      lengthOf(() => {
        throw cause;
      }),
    );
    expect(error).to.be.instanceOf(ProtocolError).and.include({ code: 'FRAMING_FAILED', cause });
  });

  const wrong: [string, unknown][] = [
    ['NaN', NaN],
    ['Infinity', Infinity],
    ['0.5', 0.5],
    ['undefined', undefined],
    ['string', '3'],
    ['bigint', 3n],
    ['a promise', Promise.resolve(3)],
    ['9007199254740992', 2 ** 53],
  ];
  for (const [name, answer] of wrong) {
    it(`refuses ${name} for an answer`, () => {
      const error = thrownBy(() => lengthOf((() => answer) as unknown as PacketLength));
      expect(error).to.be.instanceOf(ProtocolError).and.include({ code: 'FRAMING_FAILED' });
      expect((error as Error).message).to.match(new RegExp(`not ${name}$`));
    });
  }
});

describe('loadCustomFraming', () => {
  it('takes a default export', async () => {
    const framing = await loadCustomFraming(fixture('default-export'));
    expect(framing.packetLength(Buffer.from('a'), 0, 1, 0)).to.equal(4);
  });

  it('takes a property of the default export and calls it as its method', async () => {
    const framing = await loadCustomFraming(fixture('default-object'));
    expect(framing.packetLength(Buffer.from('a'), 0, 1, 0)).to.equal(3);
  });

  it('refuses a module without the function, by its URL and with the remedy', async () => {
    const error = await rejectionOf(loadCustomFraming(fixture('without-packet-length')));
    expect(error).to.be.instanceOf(ConfigError).and.include({ code: 'CONFIG_FRAMING_MODULE' });
    expect(error.message).to.include(fixture('without-packet-length')).and.include('export one');
  });

  for (const [what, name, reason] of [
    ['does not exist', 'nowhere', 'Cannot find module'],
    ['throws while it loads', 'throws-on-load', 'the table of types is missing'],
  ] as const) {
    it(`refuses a module that ${what}, by its URL and with the reason`, async () => {
      const error = await rejectionOf(loadCustomFraming(fixture(name)));
      expect(error).to.be.instanceOf(ConfigError).and.include({ code: 'CONFIG_FRAMING_MODULE' });
      expect(error.message).to.include(fixture(name)).and.include(reason);
      expect((error.cause as Error).message).to.include(reason);
    });
  }
});

async function rejectionOf(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(outcome instanceof Error)) expect.fail('it did not reject with an error');
  return outcome;
}
