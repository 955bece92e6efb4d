import { expect } from 'chai';
import fc from 'fast-check';
import type { Parcel, Way } from '@shoal/core/internal/mesh/way';
import { Letter } from '@shoal/core/internal/messaging/letter';
import { Outbox } from '@shoal/core/internal/messaging/outbox';

const BYTES = 36;
/** With what it takes beside its bytes. */
const COST = 100;

/** A way to a process that is played by hand. */
class Desk {
  open = true;
  blameless = false;
  /** Letters that have come and are not settled, in order. */
  letters: Letter[] = [];

  send(...frame: readonly unknown[]): void {
    this.letters.push(frame.at(-1) as Parcel as Letter);
  }

  get way(): Way {
    return this as unknown as Way;
  }
}

/** An outbox to one id, with the processes that have its place one after the other. */
class Correspondence {
  desk: Desk | undefined = new Desk();
  readonly outbox: Outbox;
  /** Numbers in the order in which they were started. */
  readonly started: number[] = [];
  readonly poison: number[] = [];
  #next = 1;

  constructor(limit = Infinity) {
    this.outbox = new Outbox(limit, {
      way: () => this.desk?.way,
      delivered: ({ number }) => this.started.push(number),
      poison: ({ number }) => this.poison.push(number),
    });
  }

  /** Numbers of the letters that are with the process. */
  get there(): number[] {
    return this.desk!.letters.map(({ number }) => number);
  }

  post(count = 1): void {
    for (let index = 0; index < count; index++) this.outbox.add(this.letter());
  }

  letter(): Letter {
    return new Letter(
      this.outbox,
      { encoding: 1, body: 'x'.repeat(BYTES), bytes: BYTES },
      0,
      this.#next++,
      false,
    );
  }

  /** It starts the first ones, all in one turn. */
  start(count: number): void {
    for (const letter of this.desk!.letters.splice(0, count)) letter.settled('handled');
    this.outbox.turn();
  }

  /** It gives back the first ones, all in one turn. */
  giveBack(count: number): void {
    for (const letter of this.desk!.letters.splice(0, count)) letter.settled('returned');
    this.outbox.turn();
  }

  /** It takes nothing more. */
  retire(): void {
    this.desk!.open = false;
  }

  end(blameless: boolean): void {
    const gone = this.desk!;
    gone.open = false;
    gone.blameless = blameless;
    this.desk = new Desk();
    this.outbox.lost(gone.way, gone.letters.splice(0));
  }
}

describe('Outbox', () => {
  it('keeps a message until it is started, and gives its room back then', () => {
    const all = new Correspondence(2 * COST);
    all.post(2);
    expect(all.outbox.fits(BYTES)).to.equal(false);
    expect(all.outbox.empty).to.equal(false);
    all.start(1);
    expect(all.outbox.fits(BYTES)).to.equal(true);
    expect(all.outbox.fits(BYTES + 1)).to.equal(false);
    all.start(1);
    expect([all.outbox.empty, all.started]).to.deep.equal([true, [1, 2]]);
  });

  it('waits while nobody has the place', () => {
    const all = new Correspondence();
    all.end(true);
    all.desk!.open = false;
    all.desk = undefined;
    all.post(2);
    expect([all.outbox.empty, all.outbox.stuck]).to.deep.equal([false, true]);
    all.desk = new Desk();
    all.outbox.pump();
    expect(all.there).to.deep.equal([1, 2]);
  });

  it('sends what a retired process gives back in the order in which it was sent, whatever comes back first', () => {
    const all = new Correspondence();
    all.post(4);
    const [first, second, third, fourth] = all.desk!.letters;
    all.retire();
    for (const turn of [[third, fourth], [first], [second]]) {
      for (const letter of turn) letter!.settled('returned');
      all.outbox.turn();
    }
    all.desk!.letters = [];
    all.end(true);
    expect(all.there).to.deep.equal([1, 2, 3, 4]);
  });

  it('sends nothing to the next process before the former one has settled everything', () => {
    const all = new Correspondence();
    all.post(2);
    all.retire();
    const former = all.desk!;
    all.desk = new Desk();
    all.post();
    former.letters[0]!.settled('returned');
    all.outbox.turn();
    expect(all.there).to.deep.equal([]);
    former.letters[1]!.settled('handled');
    all.outbox.turn();
    expect(all.there).to.deep.equal([1, 3]);
  });

  it('sends each message alone that a process may have died of, and gives the one up that two died of', () => {
    const all = new Correspondence();
    all.post(3);
    all.end(false);
    expect(all.there).to.deep.equal([1]);
    all.start(1);
    expect(all.there).to.deep.equal([2]);
    all.end(false);
    expect([all.poison, all.there]).to.deep.equal([[2], [3]]);
    all.start(1);
    expect(all.outbox.empty).to.equal(true);
  });

  it('charges no message with a planned end', () => {
    const all = new Correspondence();
    all.post(1);
    for (let time = 0; time < 5; time++) all.end(true);
    all.end(false);
    all.end(true);
    expect([all.poison, all.there]).to.deep.equal([[], [1]]);
  });

  it('lets those that wait for room go behind what a dead process leaves', () => {
    const all = new Correspondence(3 * COST);
    all.post(3);
    all.end(false);
    const leave = all.outbox.whenRoom(() => {
      if (!all.outbox.fits(BYTES)) return;
      leave();
      all.post();
    });
    all.end(false);
    expect([all.poison, all.there]).to.deep.equal([[1], [2]]);
    all.start(1);
    all.start(1);
    expect(all.there).to.deep.equal([4]);
  });

  it('starts every message once and in order, whatever processes do, unless two die of it', () => {
    const step = fc.oneof(
      fc.record({ act: fc.constant('post' as const), count: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ act: fc.constant('start' as const), count: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ act: fc.constant('retire' as const), count: fc.constant(0) }),
      fc.record({ act: fc.constant('giveBack' as const), count: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ act: fc.constant('leave' as const), count: fc.constant(0) }),
      fc.record({ act: fc.constant('die' as const), count: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const all = new Correspondence();
        let posted = 0;
        for (const { act, count } of steps) {
          if (act === 'post') {
            all.post(count);
            posted += count;
          } else if (act === 'start') {
            if (all.desk!.open) all.start(count);
          } else if (act === 'retire') all.retire();
          else if (act === 'giveBack') {
            if (!all.desk!.open) all.giveBack(count);
          } else all.end(act === 'leave');
        }
        all.end(true);
        while (!all.outbox.empty) all.start(1);
        const gone = new Set(all.poison);
        const expected = Array.from({ length: posted }, (_, index) => index + 1).filter((n) => !gone.has(n));
        expect(all.started).to.deep.equal(expected);
      }),
      { numRuns: 300 },
    );
  });
});
