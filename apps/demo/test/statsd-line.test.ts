import { expect } from 'chai';
import fc from 'fast-check';
import { parseLine } from '@shoal/demo/statsd-line';

const names = fc.stringMatching(/^[\w.-]{1,20}$/);
/** Without the negative zero, which no line can spell. */
const numbers = fc.double({ min: -1e9, max: 1e9, noNaN: true }).map((value) => value + 0);
const magnitudes = fc.double({ min: 0, max: 1e9, noNaN: true }).map((value) => value + 0);
const rates = fc.double({ min: 0.001, max: 1, noNaN: true });
const members = fc.stringMatching(/^[\w@#./-]{1,20}$/);

/** What follows the colon, and what it means but for the name. */
interface Written {
  readonly text: string;
  readonly sample: object;
}

const written: fc.Arbitrary<Written> = fc.oneof(
  numbers.map((amount) => ({ text: `${amount}|c`, sample: { kind: 'counter', amount } })),
  fc.tuple(numbers, rates).map(([value, rate]) => ({
    text: `${value}|c|@${rate}`,
    sample: { kind: 'counter', amount: value / rate },
  })),
  magnitudes.map((value) => ({ text: `${value}|g`, sample: { kind: 'gauge', value, relative: false } })),
  magnitudes.map((value) => ({ text: `+${value}|g`, sample: { kind: 'gauge', value, relative: true } })),
  fc.tuple(numbers, fc.constantFrom('ms', 'h')).map(([ms, type]) => ({
    text: `${ms}|${type}`,
    sample: { kind: 'timer', ms },
  })),
  members.map((member) => ({ text: `${member}|s`, sample: { kind: 'set', member } })),
);
const tags = fc.constantFrom('', '|#env:prod', '|#a:1,b:2|c:in-0123');
const ends = fc.constantFrom('', '\r');

describe('StatsD line', () => {
  it('means what was written, for every name, type, number of values, tags and line end', () => {
    fc.assert(
      fc.property(names, fc.array(written, { minLength: 1 }), tags, ends, (name, values, tags, end) => {
        const line = [name, ...values.map(({ text }) => text)].join(':') + tags + end;
        expect(parseLine(line)).to.deep.equal(values.map(({ sample }) => ({ name, ...sample })));
      }),
    );
  });

  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString()),
    fc.string({ unit: fc.constantFrom(...':|@#cgmsh.+-e019 \t\r/_N'.split('')), maxLength: 40 }),
  );
  it('never throws, and yields finite numbers and clean names only, whatever comes', () => {
    fc.assert(
      fc.property(anything, (line) => {
        for (const sample of parseLine(line)) {
          if (sample === undefined) continue;
          expect(sample.name).to.match(/^[a-zA-Z0-9_.-]+$/);
          for (const field of Object.values(sample)) {
            if (typeof field === 'number') expect(field).to.satisfy(Number.isFinite);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('moves a gauge by a value with a sign, and sets it by one without', () => {
    expect(parseLine('load:-3|g:+3|g:3|g')).to.deep.equal([
      { kind: 'gauge', name: 'load', value: -3, relative: true },
      { kind: 'gauge', name: 'load', value: 3, relative: true },
      { kind: 'gauge', name: 'load', value: 3, relative: false },
    ]);
  });

  it('makes spaces of a name _ and slashes -, and leaves other strangers out', () => {
    const nameOf = (line: string): string | undefined => parseLine(line)[0]?.name;
    expect(nameOf('a \t b/c.d-e_f:1|c')).to.equal('a_b-c.d-e_f');
    expect(nameOf('prix€{x}=ñ:1|c')).to.equal('prixx');
    expect(nameOf('__proto__:1|c')).to.equal('__proto__');
  });

  it('takes a set without a member for one with the member 0', () => {
    expect(parseLine('users:|s')).to.deep.equal([{ kind: 'set', name: 'users', member: '0' }]);
  });

  it('yields nothing for a blank line', () => {
    for (const line of ['', '\r', '  ']) expect(parseLine(line)).to.deep.equal([]);
  });

  it('yields the good values of a line beside the malformed ones', () => {
    expect(parseLine('hits:1|c:x|c:3|c')).to.deep.equal([
      { kind: 'counter', name: 'hits', amount: 1 },
      undefined,
      { kind: 'counter', name: 'hits', amount: 3 },
    ]);
  });

  const malformed = {
    'no value': 'hits',
    'no type': 'hits:1',
    'an empty value': 'hits:|c',
    'a value that is no number': 'hits:one|c',
    'an infinite value': 'hits:Infinity|c',
    'an unknown type': 'hits:1|x',
    'no name': ':1|c',
    'a name of strangers alone': '€€:1|c',
    'an empty sample rate': 'hits:1|c|@',
    'a sample rate without its sign': 'hits:1|c|0.1',
    'a sample rate that is no number': 'hits:1|c|@often',
    'a sample rate of zero': 'hits:1|c|@0',
    'a negative sample rate': 'hits:1|c|@-1',
    'an event': '_e{5,4}:title|text',
  };
  for (const [what, line] of Object.entries(malformed)) {
    it(`is malformed with ${what}`, () => {
      expect(parseLine(line)).to.deep.equal([undefined]);
    });
  }

  it('takes numbers up to 1e100 and none beyond, sample rate included', () => {
    const takes = (value: string): boolean => parseLine(`n:${value}`)[0] !== undefined;
    expect(takes('1e100|g')).to.be.true;
    expect(takes('1.1e100|g')).to.be.false;
    expect(takes('1e99|c|@0.1')).to.be.true;
    expect(takes('1e99|c|@0.01')).to.be.false;
  });
});
