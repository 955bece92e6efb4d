import { expect } from 'chai';
import { streamListener } from '@shoal/core/internal/config/limits';
import { Entrance } from '@shoal/core/internal/reactor/entrance';
import { ManualClock } from '../pipe/manual-clock.js';
import { MemoryStream } from '../pipe/memory-stream.js';
import { settingsOf } from '../settings.js';

describe('An entrance', () => {
  it('takes a load balancer that is gone before it is looked at for one without a header', () => {
    const proxyProtocol = { trusted: ['10.0.0.0/8'] };
    const settings = settingsOf({ listeners: [{ type: 'tcp', port: 0, proxyProtocol }] });
    const told: string[] = [];
    const entrance = new Entrance(streamListener(settings, 0), {
      clock: new ManualClock(),
      approach: () => true,
      withdraw: () => {},
      admit: () => {},
      turnAway: ({ code, message }) => void told.push(`${code}: ${message}`),
      left: () => {},
    });
    for (const address of ['', '192.0.2.1']) {
      const [stream] = MemoryStream.pair(1_000);
      entrance.receive(Object.assign(stream, { remote: { address, port: 0 } }));
    }
    expect(told).to.deep.equal([
      'PROXY_HEADER_INVALID: the connection ended before its header of the PROXY protocol was whole',
      'PROXY_SOURCE_UNTRUSTED: 192.0.2.1 is none of proxyProtocol.trusted',
    ]);
    expect(entrance.size).to.equal(0);
  });
});
