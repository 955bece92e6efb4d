import { expect } from 'chai';
import { datagramTarget } from '@shoal/core/internal/config/datagram-target';
import { ipVersion } from '@shoal/core/internal/config/ip-address';
import { tcp, udp } from '@shoal/core/internal/config/listeners';
import type { ListenerInput } from '@shoal/core/internal/config/load';
import { HandlerError } from '@shoal/core/internal/errors';
import { settingsOf } from './settings.js';

const four = udp({ name: 'four', port: 1 });
const six = udp({ name: 'six', host: '::1', port: 2 });
const both = udp({ name: 'both', host: '::', port: 3 });

function target(listeners: readonly ListenerInput[], address: unknown, port: unknown, name?: string): string {
  const settings = settingsOf({ listeners: [tcp({ name: 'stream', port: 9 }), ...listeners] });
  try {
    const to = datagramTarget(settings, address as string, port as number, name);
    return `${settings.listeners[to.listener]!.name} ${to.address} ${to.port}`;
  } catch (error) {
    if (!(error instanceof HandlerError)) throw error;
    expect(error.code).to.equal('SENDTO_INVALID');
    return error.message;
  }
}

describe('datagramTarget', () => {
  it('takes the first listener of the family of the address', () => {
    expect(target([six, four], '10.0.0.7', 1)).to.equal('four 10.0.0.7 1');
    expect(target([four, six], 'fd00::7', 65_535)).to.equal('six fd00::7 65535');
  });

  it('takes an IPv6 socket on :: for IPv4 when there is none of its own', () => {
    expect(target([both], '10.0.0.7', 53)).to.equal('both ::ffff:10.0.0.7 53');
    expect(target([both, four], '10.0.0.7', 53)).to.equal('four 10.0.0.7 53');
    expect(target([{ ...both, ipv6Only: true }], '10.0.0.7', 53)).to.equal(
      'sendto: no listener of datagrams sends to IPv4: there are both on ::',
    );
  });

  it('takes the listener that is named', () => {
    expect(target([four, udp({ name: 'other', port: 4 })], '10.0.0.7', 53, 'other')).to.equal(
      'other 10.0.0.7 53',
    );
    expect(target([four, six], '10.0.0.7', 53, 'six')).to.equal(
      'sendto: listener six is on ::1, which sends nothing to 10.0.0.7',
    );
    expect(target([four], '10.0.0.7', 53, 'stream')).to.equal(
      "sendto: there is no listener of datagrams 'stream': there are four on 0.0.0.0",
    );
  });

  it('refuses what is no address and no port', () => {
    expect(target([four], 'example.com', 53)).to.equal(
      "sendto: 'example.com' is no IP address; look names up first",
    );
    expect(target([four], undefined, 53)).to.match(/^sendto: undefined is no IP address/);
    for (const port of [0, 65_536, 1.5, '53', Number.NaN, undefined])
      expect(target([four], '10.0.0.7', port)).to.match(/is no port: write an integer from 1 to 65535$/);
  });

  it('says so where there is no listener of datagrams', () => {
    expect(target([], '10.0.0.7', 53)).to.equal(
      'sendto: no listener of datagrams sends to IPv4: there is none; write udp({ port: … })',
    );
  });
});

describe('ipVersion', () => {
  it('tells addresses of both versions from everything else', () => {
    for (const address of ['0.0.0.0', '127.0.0.1', '255.255.255.255'])
      expect(ipVersion(address), address).to.equal(4);
    for (const address of ['::', '::1', 'fe80::1%eth0', '::ffff:10.0.0.7', '2001:DB8:0:0:8:800:200C:417A'])
      expect(ipVersion(address), address).to.equal(6);
    const others = [
      '',
      '256.0.0.1',
      '1.2.3',
      '1.2.3.4.',
      '01.2.3.4',
      '1.2.3.4:5',
      'localhost',
      ':::',
      '::1%',
      'fe80::1%a%b',
    ];
    for (const address of [...others, '[::1]', '1::2::3', '12345::', '::1/64', '::1]/[::2'])
      expect(ipVersion(address), address).to.equal(0);
  });
});
