import { expect } from 'chai';
import type { ConfiguredListener } from '@shoal/core/internal/events/facts';
import { accountsOf, type ClientAccount } from '@shoal/testing/internal/trace/client-account';
import type { TraceEvent } from '@shoal/testing/internal/trace/trace-event';
import { configured, CONNECTION, OTHER, OWNER, ToldFacts, WORKER } from './told-facts.js';

type Story = (it: ToldFacts) => void;

function accounts(
  story: Story,
  received: readonly string[] = [''],
  listener: Partial<ConfiguredListener> = {},
): readonly ClientAccount[] {
  const trace: TraceEvent[] = [];
  const it = new ToldFacts((event) => trace.push(event));
  it.tell(OWNER, 'master', configured({}, listener));
  story(it);
  return accountsOf(
    trace,
    received.map((text) => ({ received: Buffer.from(text) })),
  );
}

const eventsOf = (story: Story, listener: Partial<ConfiguredListener> = {}): readonly string[] =>
  accounts(story, [''], listener)[0]!.events;

/** A packet with these bytes is handled. */
function line(it: ToldFacts, packet: number, data: string, worker = WORKER): void {
  it.packet(packet, data.length);
  it.delivered('receive', packet, worker);
  it.started('receive', packet, worker, data);
  it.settled('receive', packet, worker);
  it.acknowledged('receive', packet);
}

describe('Account of a client', () => {
  it('tells what its handlers settled, in order, and why it closed', () => {
    const events = eventsOf((it) => {
      it.opens();
      line(it, 1, 'one\n');
      line(it, 2, 'two\n');
      it.client('ends');
      it.closed('client');
      it.leaves();
    });
    expect(events).to.deep.equal(
      ['connect ', 'receive "one\\n"', 'receive "two\\n"', 'close ', 'closed: client'].map((text) =>
        text.trim(),
      ),
    );
  });

  it('has the bytes of each client, in the order in which they connected', () => {
    const told = accounts((it) => it.opens(), ['one', 'two']);
    expect(told.map(({ received }) => received.toString())).to.deep.equal(['one', 'two']);
    expect(told.map(({ events }) => events)).to.deep.equal([['connect'], []]);
  });

  for (const first of ['the client', 'the server'] as const) {
    it(`knows the connection of a client when ${first} tells of it first`, () => {
      const events = eventsOf((it) => {
        if (first === 'the client') it.connects();
        it.accepted();
        if (first === 'the server') it.connects();
        it.introduced('connect');
      });
      expect(events).to.deep.equal(['connect']);
    });
  }

  it('says which handlers failed', () => {
    const events = eventsOf((it) => {
      it.opens();
      it.gives(1);
      it.started('receive', 1, WORKER, 'x');
      it.settled('receive', 1, WORKER, 'failed');
      it.acknowledged('receive', 1);
    });
    expect(events).to.deep.equal(['connect', 'receive "x" (failed)']);
  });

  it('leaves out a handler that did not settle', () => {
    const events = eventsOf((it) => {
      it.opens();
      it.gives(1);
      it.started('receive', 1);
    });
    expect(events).to.deep.equal(['connect']);
  });

  it('counts a packet once that was handled again after a loss, and every adoption', () => {
    const events = eventsOf((it) => {
      it.opens();
      it.packet(1, 3);
      it.delivered('receive', 1);
      it.started('receive', 1, WORKER, 'one');
      it.settled('receive', 1);
      it.dies(WORKER);
      it.returned(1);
      it.introduced('adopt', OTHER);
      it.delivered('receive', 1, OTHER, 2);
      it.started('receive', 1, OTHER, 'one');
      it.settled('receive', 1, OTHER);
      it.dies(OTHER);
      it.introduced('adopt', 12);
    });
    expect(events).to.deep.equal(['connect', 'receive "one"', 'adopt', 'adopt']);
  });

  it('puts packets that settle in another order into theirs', () => {
    const events = eventsOf((it) => {
      it.opens();
      it.packet(1, 3);
      it.packet(2, 3);
      it.delivered('receive', 1, WORKER);
      it.delivered('receive', 2, OTHER);
      it.started('receive', 2, OTHER, 'two');
      it.settled('receive', 2, OTHER);
      it.started('receive', 1, WORKER, 'one');
      it.settled('receive', 1, WORKER);
    });
    expect(events).to.deep.equal(['connect', 'receive "one"', 'receive "two"']);
  });

  describe('of a listener without framing', () => {
    const raw = { framing: 'raw' };

    it('is the same wherever the network cuts', () => {
      const cut = (...pieces: readonly string[]): readonly string[] =>
        eventsOf((it) => {
          it.opens();
          pieces.forEach((piece, index) => line(it, index + 1, piece));
          it.closed('client');
        }, raw);
      expect(cut('onetwo')).to.deep.equal(['connect', 'receive 6 bytes', 'closed: client']);
      for (const pieces of [
        ['one', 'two'],
        ['o', 'netw', 'o'],
        ['o', 'n', 'e', 't', 'w', 'o'],
      ])
        expect(cut(...pieces)).to.deep.equal(cut('onetwo'));
    });

    it('begins a new line after another event', () => {
      const events = eventsOf((it) => {
        it.opens();
        line(it, 1, 'one');
        it.dies(WORKER);
        it.introduced('adopt', OTHER);
        line(it, 2, 'two!', OTHER);
      }, raw);
      expect(events).to.deep.equal(['connect', 'receive 3 bytes', 'adopt', 'receive 4 bytes']);
    });
  });

  it('leaves timers and connections of nobody alone', () => {
    const events = eventsOf((it) => {
      it.worker({ kind: 'settled', event: 'tick', handler: 'Chat.tick', subject: CONNECTION, seq: 1 });
      it.closed('client');
      it.opens();
      it.worker({ kind: 'settled', event: 'tick', handler: 'Chat.tick', subject: CONNECTION, seq: 1 });
    });
    expect(events).to.deep.equal(['connect']);
  });
});
