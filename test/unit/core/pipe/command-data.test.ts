import { expect } from 'chai';
import {
  LONGEST_COMMAND,
  CommandsInFlight,
  commandProblem,
  packCommandData,
  unpackCommandData,
} from '@shoal/core/internal/pipe/command-data';

/** One byte says how the rest is encoded. */
const LONGEST_TEXT = LONGEST_COMMAND - 1;

describe('The data of a command', () => {
  it('come back as a structured clone would', () => {
    const values = [
      undefined,
      null,
      'naïve \u{1f680}',
      Buffer.from([0, 255, 10]),
      {
        when: new Date(7),
        map: new Map([['a', new Set([1n])]]),
        bytes: new Uint8Array([1]),
        none: undefined,
      },
      [1.5, Number.NaN, -0],
    ];
    for (const value of values) expect(unpackCommandData(packCommandData(value, 'it'))).to.deep.equal(value);
  });

  it('have at most 1 MiB when they are encoded', () => {
    expect(unpackCommandData(packCommandData('x'.repeat(LONGEST_TEXT), 'it'))).to.have.lengthOf(LONGEST_TEXT);
    expect(() => packCommandData('x'.repeat(LONGEST_TEXT + 1), 'the data'))
      .to.throw('the data has 1048577 bytes, and may have 1048576')
      .with.property('code', 'COMMAND_TOO_LONG');
  });

  it('are refused when they cannot be cloned, with the reason', () => {
    expect(() => packCommandData({ run: () => {} }, 'the data'))
      .to.throw(/^the data cannot go to another process: .*could not be cloned/)
      .with.property('code', 'COMMAND_INVALID');
  });

  it('wait for 1024 answers at most, and for 16 MiB', () => {
    const small = new CommandsInFlight();
    const landings = Array.from({ length: 1_024 }, () => small.add(''));
    expect(() => small.add(''))
      .to.throw(/as many commands as it may/)
      .with.property('code', 'COMMAND_OVERFLOW');
    landings[0]!();
    landings.push(small.add(''));
    expect(() => small.add('')).to.throw();

    const large = new CommandsInFlight();
    for (let count = 0; count < 16; count++) large.add('x'.repeat(1_048_576));
    expect(() => large.add('')).to.throw();
  });

  it('go with a name, a target and a time, each in its range', () => {
    for (const timeout of [1, 86_400_000]) expect(commandProblem('x', 'poller', timeout)).to.equal(undefined);
    for (const timeout of [0.5, 86_400_001, Number.NaN, '5s']) {
      expect(commandProblem('x', 0, timeout)).to.match(/^timeout takes 1 to 86400000 ms, not /);
    }
    expect(commandProblem('', 0, 1)).to.equal('a command has a name that is not empty');
    expect(commandProblem('x', undefined, 1)).to.match(
      /^command 'x' is for a worker id, .* not for undefined$/,
    );
  });
});
