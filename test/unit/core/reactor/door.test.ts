import { expect } from 'chai';
import fc from 'fast-check';
import { AddressCounts } from '@shoal/core/internal/reactor/door/address-counts';
import { addressKey } from '@shoal/core/internal/reactor/door/address-key';
import { ConnectRates } from '@shoal/core/internal/reactor/door/connect-rates';
import { Door } from '@shoal/core/internal/reactor/door/door';
import { doorMemory } from '@shoal/core/internal/reactor/door/door-memory';
import type { SettingsInput } from '@shoal/core/internal/config/load';
import { keptLog } from '../log-lines.js';
import { ManualClock } from '../pipe/manual-clock.js';
import { settingsOf } from '../settings.js';

const ALICE = '10.0.0.7';
const BOB = '10.0.0.8';

/** Two reactors of one server. */
function doors(input: Partial<SettingsInput>) {
  const settings = settingsOf(input);
  const clock = new ManualClock();
  const { logger, lines } = keptLog();
  const memory = doorMemory(settings, { next: () => 0.5 });
  const open = (): Door => new Door(memory, settings, clock, logger);
  return { first: open(), second: open(), clock, lines };
}

describe('addressKey', () => {
  const key = (address: string): string => JSON.stringify(addressKey(address));

  it('tells IPv4 addresses apart, and takes an IPv6 network of 64 bits for one', () => {
    expect(addressKey('1.2.3.4')).to.deep.equal({ high: 0, low: 0x01020304 });
    expect(key('255.255.255.255')).to.not.equal(key('255.255.255.254'));
    expect(key('2001:db8:1:2::1')).to.equal(key('2001:db8:1:2:ffff:ffff:ffff:ffff'));
    expect(key('2001:db8:1:2::1')).to.not.equal(key('2001:db8:1:3::1'));
    expect(addressKey('2001:db8::7')).to.deep.equal({ high: 0x20010db8, low: 0 });
    expect(key('fe80::1%eth0')).to.equal(key('fe80::2'));
    expect(addressKey('::1')).to.deep.equal({ high: 0, low: 0 });
    expect(addressKey('1:2:3:4:5:6:7:8')).to.deep.equal({ high: 0x10002, low: 0x30004 });
    expect(addressKey('64:ff9b:1:2:3::1.2.3.4')).to.deep.equal({ high: 0x64_ff9b, low: 0x10002 });
  });

  it('is undefined for what is no address', () => {
    for (const text of [
      '',
      'x',
      '1.2.3',
      '1.2.3.256',
      '1.2..4',
      '1:2',
      '::1::2::3:4:5:6:7:8:9',
      '12345::',
      ':g',
    ])
      expect(addressKey(text), text).to.equal(undefined);
  });
});

describe('AddressCounts', () => {
  it('counts like a map, whatever comes and goes, in a table that is half full', () => {
    const step = fc.record({
      address: fc.integer({ min: 0, max: 11 }),
      listener: fc.nat(1),
      enter: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), fc.integer(), (steps, seed) => {
        const counts = new AddressCounts(new Int32Array(AddressCounts.bytesFor(24) / 4), seed);
        const model = new Map<string, number>();
        for (const { address, listener, enter } of steps) {
          const key = { high: address % 3, low: address };
          const name = `${listener} ${address}`;
          const before = model.get(name) ?? 0;
          if (enter) {
            expect(counts.enter(listener, key, 3)).to.equal(before < 3);
            if (before < 3) model.set(name, before + 1);
          } else if (before > 0) {
            counts.leave(listener, key);
            model.set(name, before - 1);
          }
        }
      }),
    );
  });
});

describe('ConnectRates', () => {
  const rates = (): ConnectRates => new ConnectRates(new SharedArrayBuffer(ConnectRates.bytes), 7);
  const key = { high: 0, low: 1 };

  it('gives an address a full bucket at once and nothing more, then a token at a time', () => {
    const table = rates();
    const take = (now: number): boolean => table.take(0, key, 3, 1_000, now);
    expect([take(500), take(500), take(500), take(500)]).to.deep.equal([true, true, true, false]);
    expect([take(833), take(834), take(834)]).to.deep.equal([false, true, false]);
    expect([take(5_000), take(5_000), take(5_000), take(5_000)]).to.deep.equal([true, true, true, false]);
  });

  it('owes no more than a bucket when the clock is set back', () => {
    const table = rates();
    expect(table.take(0, key, 1, 1_000, 1_000_000)).to.equal(true);
    expect(table.take(0, key, 1, 1_000, 0)).to.equal(false);
    expect(table.take(0, key, 1, 1_000, 1_000_000 + 1_000)).to.equal(true);
  });

  it('forgets whom it owes least, and stays as large as it is, when addresses come without end', () => {
    const table = rates();
    for (let low = 0; low < 200_000; low++) table.take(0, { high: 1, low }, 1, 1_000, 10);
    expect(table.take(0, { high: 2, low: 5 }, 1, 1_000, 10)).to.equal(true);
    expect(table.take(0, { high: 2, low: 5 }, 1, 1_000, 10)).to.equal(false);
  });
});

describe('A door', () => {
  it('lets maxConnection connections in, on all reactors together, and one more when one has left', () => {
    const { first, second } = doors({ maxConnection: 3 });
    expect(first.enter(0, ALICE)).to.equal(undefined);
    expect(second.enter(0, ALICE)).to.equal(undefined);
    expect(first.enter(0, '')).to.equal(undefined);
    expect(second.enter(0, BOB)).to.equal('CONNECTION_LIMIT');
    first.leave(0, ALICE);
    expect(second.enter(0, BOB)).to.equal(undefined);
    expect(first.enter(0, BOB)).to.equal('CONNECTION_LIMIT');
  });

  it('lets an address have maxConnectionPerAddress of them on each listener, and others as many', () => {
    const listeners = [
      { type: 'tcp', port: 1, maxConnectionPerAddress: 2 },
      { type: 'tcp', port: 2, maxConnectionPerAddress: 1 },
      { type: 'tcp', port: 3 },
    ] as const;
    const { first, second } = doors({ listeners });
    expect(first.enter(0, ALICE)).to.equal(undefined);
    expect(second.enter(0, ALICE)).to.equal(undefined);
    expect(first.enter(0, ALICE)).to.equal('ADDRESS_LIMIT');
    expect(first.enter(0, BOB)).to.equal(undefined);
    expect(first.enter(1, ALICE)).to.equal(undefined);
    expect(first.enter(1, ALICE)).to.equal('ADDRESS_LIMIT');
    for (let times = 0; times < 5; times++) expect(first.enter(2, ALICE)).to.equal(undefined);
    second.leave(0, ALICE);
    expect(first.enter(0, ALICE)).to.equal(undefined);
    expect(first.enter(0, ALICE)).to.equal('ADDRESS_LIMIT');
  });

  it('counts no connection that the rate refuses', () => {
    const { first, clock } = doors({ maxConnectionPerAddress: 2, connectRate: 1 });
    expect(first.enter(0, ALICE)).to.equal(undefined);
    for (let times = 0; times < 3; times++) expect(first.enter(0, ALICE)).to.equal('CONNECT_RATE');
    clock.advance(1_000);
    expect(first.enter(0, ALICE)).to.equal(undefined);
    clock.advance(1_000);
    expect(first.enter(0, ALICE)).to.equal('ADDRESS_LIMIT');
  });

  it('counts whose handshake is under way with his address, and takes of its rate', () => {
    const { first, second } = doors({ maxConnectionPerAddress: 2, connectRate: 3 });
    expect(first.approach(0, ALICE)).to.equal(undefined);
    expect(second.approach(0, ALICE)).to.equal(undefined);
    expect(first.approach(0, ALICE)).to.equal('ADDRESS_LIMIT');
    expect(first.admit(0, ALICE)).to.equal(undefined);
    expect(first.approach(0, ALICE), 'it is still one of two').to.equal('ADDRESS_LIMIT');
    first.leave(0, ALICE);
    expect(first.approach(0, ALICE)).to.equal(undefined);
    second.withdraw(0, ALICE);
    expect(first.approach(0, ALICE)).to.equal('CONNECT_RATE');
  });

  it('begins no handshake where maxConnection is reached, and counts nobody before his has ended', () => {
    const { first, second } = doors({ maxConnection: 2, maxConnectionPerAddress: 1 });
    for (const each of [ALICE, BOB, '10.1.0.1']) expect(first.approach(0, each)).to.equal(undefined);
    expect(second.admit(0, ALICE)).to.equal(undefined);
    expect(first.admit(0, BOB)).to.equal(undefined);
    expect(second.approach(0, '10.1.0.2')).to.equal('CONNECTION_LIMIT');
    expect(first.admit(0, '10.1.0.1')).to.equal('CONNECTION_LIMIT');
    second.leave(0, ALICE);
    for (const refused of ['10.1.0.1', '10.1.0.2'])
      expect(first.approach(0, refused), 'nothing of it is left').to.equal(undefined);
  });

  it('has room for every address that may be connected or in a handshake', () => {
    const tls = { cert: 'x', key: 'x', maxHandshakes: 3 };
    const listeners = [{ type: 'tcp', port: 1, tls }] as const;
    const { first } = doors({ listeners, maxConnection: 1, maxConnectionPerAddress: 1, reactorNum: 4 });
    for (let each = 0; each < 12; each++) expect(first.approach(0, `10.1.0.${each}`)).to.equal(undefined);
    for (let each = 0; each < 12; each++)
      expect(first.approach(0, `10.1.0.${each}`)).to.equal('ADDRESS_LIMIT');
    expect(first.approach(0, '10.2.0.1')).to.equal(undefined);
    expect(first.approach(0, '10.2.0.1')).to.equal('ADDRESS_LIMIT');
  });

  it('says once for all reactors that it refuses, and once that it is quiet again', () => {
    const { first, second, clock, lines } = doors({ maxConnection: 1 });
    const said = (): string[] => lines.map(({ message }) => message);
    first.enter(0, ALICE);
    for (let times = 0; times < 3; times++) {
      first.enter(0, BOB);
      second.enter(0, BOB);
    }
    expect(said()).to.deep.equal(['closing new connections at once: maxConnection 1 is reached']);
    clock.advance(60_000);
    expect(said(), 'while it is full').to.have.length(1);
    first.leave(0, ALICE);
    clock.advance(20_000);
    expect(said().slice(1)).to.deep.equal(['quiet again: none refused for 10000 ms, after 6']);
    second.enter(0, ALICE);
    second.enter(0, ALICE);
    clock.advance(10_000);
    first.leave(0, ALICE);
    clock.advance(10_000);
    expect(said().slice(2)).to.deep.equal([
      'closing new connections at once: maxConnection 1 is reached',
      'quiet again: none refused for 10000 ms, after 1',
    ]);
    expect(clock.timers).to.equal(0);
  });
});
