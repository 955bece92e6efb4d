import { ConfigError } from '@shoal/core';
import { expect } from 'chai';
import { Addresses } from '@shoal/demo/addresses';

describe('A list of addresses', () => {
  it('has the addresses and subnets that are in it, and no others', () => {
    const list = new Addresses('LIST', '127.0.0.1, ::1,10.0.0.0/8,2001:db8::/32');
    const inside = ['127.0.0.1', '::1', '10.0.0.0', '10.255.255.255', '2001:db8::', '2001:db8:ffff::1'];
    const outside = ['127.0.0.2', '::2', '9.255.255.255', '11.0.0.0', '2001:db7:ffff::1', '2001:db9::'];
    for (const address of inside) expect(list.includes(address), address).to.equal(true);
    for (const address of outside) expect(list.includes(address), address).to.equal(false);
  });

  it('knows an IPv4 address in the notation of IPv6', () => {
    const list = new Addresses('LIST', '127.0.0.1');
    expect(list.includes('::ffff:127.0.0.1')).to.equal(true);
    expect(list.includes('::FFFF:127.0.0.1')).to.equal(true);
    expect(list.includes('::ffff:127.0.0.2')).to.equal(false);
  });

  it('has nobody without an address', () => {
    const list = new Addresses('LIST', '0.0.0.0/0,::/0');
    for (const address of ['', 'localhost', '1.2.3', '1.2.3.4/8'])
      expect(list.includes(address)).to.equal(false);
  });

  it('takes a mask of all bits and none of one more', () => {
    for (const text of ['10.0.0.1/32', '::1/128', '0.0.0.0/0'])
      expect(() => new Addresses('LIST', text), text).not.to.throw();
    for (const text of ['10.0.0.1/33', '::1/129', '10.0.0.1/', '10.0.0.1/8/8', '10.0.0.1/-1', 'any', '', ','])
      expect(() => new Addresses('LIST', text), text).to.throw(ConfigError, 'LIST: ');
  });
});
