import { expect } from 'chai';
import fc from 'fast-check';
import { duration, longestDuration } from '@shoal/core/internal/config/duration';
import { Refusal, group } from '@shoal/core/internal/config/reader';
import { show } from '@shoal/core/internal/config/show';
import { size, sizeInWords } from '@shoal/core/internal/config/size';

const reasonOf = (result: unknown) => (result instanceof Refusal ? result.reason : result);
const remedyOf = (result: unknown) => (result instanceof Refusal ? result.remedy : result);

describe('A duration', () => {
  const { read } = duration(1_000, 'zeroIsOff');

  it('is a number of milliseconds or a number with its unit', () => {
    expect([1_000, '1000ms', '60s', '5m', '1h', '1.5s', '0.5m'].map(read)).to.deep.equal([
      1_000, 1_000, 60_000, 300_000, 3_600_000, 1_500, 30_000,
    ]);
  });

  it('has no rounding errors', () => {
    expect(read('1.005s')).to.equal(1_005);
    fc.assert(
      fc.property(fc.integer({ min: 1_000, max: longestDuration }), (ms) => {
        expect(read(`${ms / 1_000}s`)).to.equal(ms);
      }),
    );
  });

  it('below the minimum is taken for seconds, and both ways to write them are told', () => {
    expect(read(60)).to.deep.equal(
      new Refusal('is 60 ms, the minimum is 1000 ms', "for 60 seconds write 60_000 or '60s'"),
    );
    expect(remedyOf(read(1))).to.equal("for 1 second write 1000 or '1s'");
    expect(remedyOf(read(1.5))).to.equal("for 1.5 seconds write 1500 or '1.5s'");
    expect(remedyOf(duration(100).read(10))).to.equal("for 10 seconds write 10_000 or '10s'");
  });

  it('below the minimum that cannot be seconds is told the minimum', () => {
    expect(remedyOf(read('60ms'))).to.equal('write 1000 or more, or 0 to turn it off');
    expect(remedyOf(read(0.5))).to.equal('write 1000 or more, or 0 to turn it off');
    expect(remedyOf(read(-60))).to.equal('write 1000 or more, or 0 to turn it off');
    expect(remedyOf(duration(1_000).read(0))).to.equal('write 1000 or more');
  });

  it('of 0 turns off what may be off', () => {
    expect(read(0)).to.equal(0);
    expect(read('0s')).to.equal(0);
    expect(reasonOf(duration(1_000).read(0))).to.equal('is 0 ms, the minimum is 1000 ms');
  });

  it('lasts as long as a timer can and not one millisecond longer', () => {
    expect(read(2_147_483_647)).to.equal(2_147_483_647);
    expect(reasonOf(read(2_147_483_648))).to.equal(
      'is above the maximum of 2_147_483_647 ms, the longest timer',
    );
    expect(reasonOf(read('597h'))).to.equal('is above the maximum of 2_147_483_647 ms, the longest timer');
  });

  it('is a whole number of milliseconds', () => {
    expect(read(1_000.5)).to.deep.equal(new Refusal('is not a whole number of milliseconds', 'write 1001'));
    expect(reasonOf(read('1.0005s'))).to.equal('is not a whole number of milliseconds');
  });

  it('is nothing else', () => {
    for (const value of ['60', '60 s', '1d', 's', '-5s', '1e3ms', '', NaN, Infinity, null, true, {}, 5n]) {
      expect(reasonOf(read(value)), show(value)).to.equal('is not a duration');
    }
  });
});

describe('A size', () => {
  const { read } = size(1024, 1024 ** 3);

  it('is a number of bytes or a number with a binary unit', () => {
    expect([1024, '1KiB', '2MiB', '1GiB', '1.5MiB'].map(read)).to.deep.equal([
      1024, 1024, 2_097_152, 1_073_741_824, 1_572_864,
    ]);
  });

  it('lies between its limits, which belong to it', () => {
    expect(reasonOf(read(1023))).to.equal('is below the minimum of 1 KiB');
    expect(reasonOf(read(1024 ** 3 + 1))).to.equal('is above the maximum of 1 GiB');
    expect(remedyOf(read('2GiB'))).to.equal('write a size from 1 KiB to 1 GiB');
  });

  it('with a decimal unit is told the two sizes that may be meant', () => {
    expect(remedyOf(read('1MB'))).to.equal("write '1MiB', or 1_000_000 for the decimal unit");
    expect(remedyOf(read('64k'))).to.equal("write '64KiB', or 64_000 for the decimal unit");
    expect(remedyOf(read('2 GB'))).to.equal("write '2GiB', or 2_000_000_000 for the decimal unit");
  });

  it('is a whole number of bytes', () => {
    expect(reasonOf(read(2048.5))).to.equal('is not a whole number of bytes');
    expect(reasonOf(read('1.0001KiB'))).to.equal('is not a whole number of bytes');
  });

  it('is nothing else', () => {
    for (const value of ['64', 'KiB', '-1KiB', '1TiB', NaN, Infinity, null, false, []]) {
      expect(reasonOf(read(value)), show(value)).to.equal('is not a size');
    }
  });

  it('in words means the same number', () => {
    expect([1, 1023, 1024, 1025, 3_145_728].map(sizeInWords)).to.deep.equal([
      '1 byte',
      '1023 bytes',
      '1 KiB',
      '1025 bytes',
      '3 MiB',
    ]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2048 }), fc.constantFrom(1024, 1024 ** 2), (amount, unit) => {
        const words = sizeInWords(amount * unit);
        expect(size(1, 2 ** 40).read(words.replace(' ', ''))).to.equal(amount * unit);
      }),
    );
  });
});

describe('A number in a message', () => {
  it('is grouped from ten thousand on', () => {
    expect([0, 9_999, 10_000, 1_234_567, -60_000, 12_345.5].map(group)).to.deep.equal([
      '0',
      '9999',
      '10_000',
      '1_234_567',
      '-60_000',
      '12345.5',
    ]);
  });
});
