import { expect } from 'chai';
import { Delivery, type Client } from '@shoal/core/internal/reactor/delivery';
import { Turnstile } from '@shoal/core/internal/reactor/turnstile';

/** A connection that wants to send packets of these charges through the turnstile. */
class Wanting {
  readonly sent: number[] = [];

  constructor(
    private readonly turnstile: Turnstile,
    readonly wants: number[],
  ) {}

  pump(): void {
    for (;;) {
      const [charge] = this.wants;
      if (charge === undefined) return;
      const client = this as unknown as Client;
      const delivery = new Delivery('packet', client, Buffer.alloc(0), 0, charge - 64, 1);
      if (!this.turnstile.admits(delivery)) {
        this.turnstile.block(client);
        return;
      }
      this.wants.shift();
      this.turnstile.window.take(charge);
      this.sent.push(charge);
    }
  }
}

describe('Turnstile', () => {
  it('wakes those that wait when the window is half empty, not before', () => {
    const turnstile = new Turnstile(1_000);
    const one = new Wanting(turnstile, [500, 501, 100]);
    one.pump();
    expect(one.sent).to.deep.equal([500]);
    turnstile.window.take(1);
    turnstile.wake();
    expect(one.sent).to.deep.equal([500]);
    turnstile.window.give(2);
    turnstile.wake();
    expect(one.sent).to.deep.equal([500, 501]);
  });

  it('sends a newcomer behind those that wait, even when there would be room for it', () => {
    const turnstile = new Turnstile(1_000);
    const [waits, comes] = [new Wanting(turnstile, [600, 600]), new Wanting(turnstile, [100])];
    waits.pump();
    comes.pump();
    expect(comes.sent).to.deep.equal([]);
    turnstile.window.give(600);
    turnstile.wake();
    expect([waits.sent, comes.sent]).to.deep.equal([[600, 600], [100]]);
  });

  it('puts who was served and waits again behind the others', () => {
    const turnstile = new Turnstile(1_000);
    const all = [0, 1, 2].map(() => new Wanting(turnstile, Array<number>(10).fill(500)));
    turnstile.window.take(1_000);
    for (const each of all) each.pump();
    for (let rounds = 0; rounds < 3; rounds++) {
      turnstile.window.give(1_000);
      turnstile.wake();
    }
    expect(all.map(({ sent }) => sent.length)).to.deep.equal([2, 2, 2]);
  });

  it('leaves the first in its place when there was no room for anything of it', () => {
    const turnstile = new Turnstile(1_000);
    turnstile.window.take(1_000);
    const [large, small] = [new Wanting(turnstile, [900]), new Wanting(turnstile, [400])];
    large.pump();
    small.pump();
    turnstile.window.give(600);
    turnstile.wake();
    expect([large.sent, small.sent]).to.deep.equal([[], []]);
    turnstile.window.give(400);
    turnstile.wake();
    expect([large.sent, small.sent]).to.deep.equal([[900], []]);
  });

  it('passes over who wants nothing any more', () => {
    const turnstile = new Turnstile(1_000);
    turnstile.window.take(1_000);
    const [gone, next] = [new Wanting(turnstile, [900]), new Wanting(turnstile, [900])];
    gone.pump();
    next.pump();
    gone.wants.length = 0;
    turnstile.window.give(1_000);
    turnstile.wake();
    expect(next.sent).to.deep.equal([900]);
  });

  it('holds nobody once all are released, and names those that waited', () => {
    const turnstile = new Turnstile(1_000);
    turnstile.window.take(1_000);
    const waits = new Wanting(turnstile, [900]);
    waits.pump();
    expect([...turnstile.release()]).to.deep.equal([waits]);
    turnstile.window.give(1_000);
    const comes = new Wanting(turnstile, [100]);
    comes.pump();
    expect(comes.sent).to.deep.equal([100]);
  });
});
