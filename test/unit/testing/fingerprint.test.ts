import { expect } from 'chai';
import { Fingerprint } from '@shoal/testing/internal/exploration/fingerprint';
import { OTHER, ToldFacts, WORKER } from './told-facts.js';

function fingerprintOf(story: (it: ToldFacts) => void, startAt = 0): number {
  const fingerprint = new Fingerprint();
  story(new ToldFacts((event) => fingerprint.add({ ...event, time: event.time * 2 + startAt })));
  return fingerprint.value;
}

/** Two packets are with a worker that may run both. */
function two(it: ToldFacts): void {
  it.opens();
  it.gives(1);
  it.gives(2);
}

describe('Fingerprint', () => {
  it('is the same for the same events at other times', () => {
    const story = (it: ToldFacts): void => it.handles(1);
    expect(fingerprintOf(story, 0)).to.equal(fingerprintOf(story, 17.5));
  });

  const differences: readonly [what: string, one: (it: ToldFacts) => void, other: (it: ToldFacts) => void][] =
    [
      ['what happened', (it) => it.client('ends'), (it) => it.client('resets')],
      ['kinds that begin and end alike', (it) => it.started('receive'), (it) => it.settled('receive')],
      ['the process', (it) => it.sent('x', WORKER), (it) => it.sent('x', OTHER)],
      ['the client', (it) => it.receives('x', 0), (it) => it.receives('x', 1)],
      ['the connection', (it) => it.accepted(1, 0), (it) => it.accepted(1, 1)],
      ['the packet', (it) => it.returned(1), (it) => it.returned(2)],
      ['the event that is given', (it) => it.delivered('connect'), (it) => it.delivered('adopt')],
      ['the number of bytes', (it) => it.output('x'), (it) => it.output('xx')],
      [
        'whether handlers of one connection overlap',
        (it) => {
          two(it);
          it.runs('receive', 1);
          it.runs('receive', 2);
        },
        (it) => {
          two(it);
          it.started('receive', 1);
          it.started('receive', 2);
          it.settled('receive', 1);
          it.settled('receive', 2);
        },
      ],
      [
        'which of two handlers settles first',
        (it) => {
          two(it);
          it.started('receive', 1);
          it.started('receive', 2);
          it.settled('receive', 1);
          it.settled('receive', 2);
        },
        (it) => {
          two(it);
          it.started('receive', 1);
          it.started('receive', 2);
          it.settled('receive', 2);
          it.settled('receive', 1);
        },
      ],
    ];
  for (const [what, one, other] of differences) {
    it(`tells ${what}`, () => {
      expect(fingerprintOf(one)).to.not.equal(fingerprintOf(other));
    });
  }
});
