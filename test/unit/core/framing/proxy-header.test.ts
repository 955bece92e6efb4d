import { expect } from 'chai';
import fc from 'fast-check';
import { isIP } from 'node:net';
import { addressText, isWithin, parseAddress, parseRange } from '@shoal/core/internal/config/ip-address';
import { ProtocolError } from '@shoal/core/internal/errors';
import {
  LONGEST_HEADER,
  LONGEST_LINE,
  readProxyHeader,
  type ProxyHeader,
} from '@shoal/core/internal/framing/proxy-header';

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';

const port = fc.nat(65_535);
const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
/** None of IPv4 in the clothes of IPv6, which would come out as what it is. */
const ipv6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).filter((bytes) => bytes[0] !== 0);

/** Two addresses of one family, with ports. */
const ends = fc
  .oneof(fc.tuple(ipv4, ipv4), fc.tuple(ipv6, ipv6))
  .chain(([from, to]) =>
    fc.record({ from: fc.constant(from), to: fc.constant(to), fromPort: port, toPort: port }),
  );

interface Ends {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly fromPort: number;
  readonly toPort: number;
}

function line({ from, to, fromPort, toPort }: Ends): Buffer {
  const family = from.length === 4 ? 'TCP4' : 'TCP6';
  return Buffer.from(`PROXY ${family} ${addressText(from)} ${addressText(to)} ${fromPort} ${toPort}\r\n`);
}

function binary(command: number, family: number, body: Buffer): Buffer {
  const head = Buffer.from(`${SIGNATURE}\0\0\0\0`, 'latin1');
  head[12] = command;
  head[13] = family;
  head.writeUInt16BE(body.length, 14);
  return Buffer.concat([head, body]);
}

function addresses({ from, to, fromPort, toPort }: Ends, more: Uint8Array): Buffer {
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(fromPort, 0);
  ports.writeUInt16BE(toPort, 2);
  return Buffer.concat([from, to, ports, more]);
}

function expected({ from, to, fromPort, toPort }: Ends): ProxyHeader['ends'] {
  return {
    source: { address: addressText(from), port: fromPort },
    destination: { address: addressText(to), port: toPort },
  };
}

/** `incomplete`, the length of the header, or `invalid`. */
function outcome(bytes: Buffer): number | 'incomplete' | 'invalid' {
  try {
    return readProxyHeader(bytes)?.length ?? 'incomplete';
  } catch (error) {
    expect(error).to.be.instanceOf(ProtocolError).with.property('code', 'PROXY_HEADER_INVALID');
    return 'invalid';
  }
}

const words = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('The header of the PROXY protocol', () => {
  it('of version 1 is incomplete up to its last byte, and leaves what follows', () => {
    fc.assert(
      fc.property(ends, fc.uint8Array(), (said, rest) => {
        const header = line(said);
        const bytes = Buffer.concat([header, rest]);
        for (let length = 0; length < header.length; length++)
          expect(outcome(bytes.subarray(0, length))).to.equal('incomplete');
        expect(readProxyHeader(bytes)).to.deep.equal({ length: header.length, ends: expected(said) });
      }),
    );
  });

  it('of version 2 is incomplete up to its last byte, and skips fields behind the addresses', () => {
    fc.assert(
      fc.property(ends, fc.uint8Array(), fc.uint8Array(), (said, fields, rest) => {
        const header = binary(0x21, said.from.length === 4 ? 0x11 : 0x21, addresses(said, fields));
        const bytes = Buffer.concat([header, rest]);
        for (let length = 0; length < header.length; length++)
          expect(outcome(bytes.subarray(0, length))).to.equal('incomplete');
        expect(readProxyHeader(bytes)).to.deep.equal({ length: header.length, ends: expected(said) });
      }),
    );
  });

  it('has the same outcome however many bytes have come beyond it', () => {
    const start = fc.constantFrom(
      '',
      'PROXY ',
      'PROXY TCP4 ',
      'PROXY UNKNOWN',
      SIGNATURE,
      `${SIGNATURE}\x21\x11\0\x0c`,
    );
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 200 }), (first, rest) => {
        const bytes = Buffer.concat([words(first), rest]);
        let last: ReturnType<typeof outcome> = 'incomplete';
        for (let length = 0; length <= bytes.length; length++) {
          const now = outcome(bytes.subarray(0, length));
          if (last !== 'incomplete') expect(now).to.equal(last);
          last = now;
        }
      }),
    );
  });

  it('may say nothing of a client', () => {
    expect(readProxyHeader(words('PROXY UNKNOWN\r\nrest'))).to.deep.equal({ length: 15 });
    expect(readProxyHeader(words('PROXY UNKNOWN ffff::1 ::1 1 2\r\n'))).to.deep.equal({ length: 31 });
    expect(readProxyHeader(binary(0x20, 0x00, Buffer.alloc(0)))).to.deep.equal({ length: 16 });
    // What speaks for itself may say anything more.
    expect(readProxyHeader(binary(0x20, 0x77, Buffer.alloc(3)))).to.deep.equal({ length: 19 });
    expect(readProxyHeader(binary(0x21, 0x00, Buffer.alloc(5)))).to.deep.equal({ length: 21 });
  });

  it('may tell of a unix socket', () => {
    const body = Buffer.alloc(216);
    body.write('/run/client.sock', 0);
    body.write('s'.repeat(108), 108);
    expect(readProxyHeader(binary(0x21, 0x31, body))).to.deep.equal({
      length: 232,
      ends: {
        source: { address: '/run/client.sock', port: 0 },
        destination: { address: 's'.repeat(108), port: 0 },
      },
    });
  });

  it(`has a line of at most ${LONGEST_LINE} bytes in version 1`, () => {
    const fit = `PROXY UNKNOWN ${'x'.repeat(LONGEST_LINE - 16)}\r\n`;
    expect(fit).to.have.length(LONGEST_LINE);
    expect(outcome(words(fit))).to.equal(LONGEST_LINE);
    expect(outcome(words(fit.replace('x', 'xx')))).to.equal('invalid');
    expect(outcome(words(fit.slice(0, -1)))).to.equal('incomplete');
    expect(outcome(words('PROXY UNKNOWN '.padEnd(LONGEST_LINE, 'x')))).to.equal('invalid');
  });

  it(`has at most ${LONGEST_HEADER} bytes in version 2, and says so in its first 16`, () => {
    const fit = binary(0x21, 0x11, Buffer.alloc(LONGEST_HEADER - 16));
    expect(outcome(fit)).to.equal(LONGEST_HEADER);
    const long = binary(0x21, 0x11, Buffer.alloc(LONGEST_HEADER - 15));
    expect(outcome(long.subarray(0, 16))).to.equal('invalid');
    expect(outcome(long.subarray(0, 15))).to.equal('incomplete');
  });

  it('is refused as soon as nothing could make it one', () => {
    for (const text of [
      'G',
      'PROXZ',
      '\r\n\r\n\r',
      'PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n',
      'PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n',
    ])
      expect(outcome(words(text)), text).to.equal('invalid');
    const wrong = [
      'TCP4 1.2.3.4 5.6.7.8 1 65536',
      'TCP4 1.2.3.4 5.6.7.8 01 2',
      'TCP4 1.2.3.4 5.6.7.8 1 2 3',
      'TCP4 1.2.3.04 5.6.7.8 1 2',
      'TCP4 1.2.3.256 5.6.7.8 1 2',
      'TCP4 ::1 ::1 1 2',
      'TCP6 1.2.3.4 5.6.7.8 1 2',
      'TCP6 ::1::1 ::1 1 2',
      'TCP6 ::1%eth0 ::1 1 2',
      'TCP4  1.2.3.4 5.6.7.8 1 2',
      'tcp4 1.2.3.4 5.6.7.8 1 2',
    ];
    for (const text of wrong) expect(outcome(words(`PROXY ${text}\r\n`)), text).to.equal('invalid');
    expect(outcome(binary(0x11, 0x11, Buffer.alloc(12)))).to.equal('invalid');
    expect(outcome(binary(0x22, 0x11, Buffer.alloc(12)))).to.equal('invalid');
    for (const family of [0x12, 0x22, 0x32, 0x41])
      expect(outcome(binary(0x21, family, Buffer.alloc(216)))).to.equal('invalid');
    for (const [family, size] of [
      [0x11, 12],
      [0x21, 36],
      [0x31, 216],
    ] as const) {
      expect(outcome(binary(0x21, family, Buffer.alloc(size)))).to.equal(16 + size);
      expect(outcome(binary(0x21, family, Buffer.alloc(size - 1)))).to.equal('invalid');
    }
  });

  it('writes an IPv4 address in the clothes of IPv6 as what it is', () => {
    const { ends: said } = readProxyHeader(words('PROXY TCP6 ::ffff:10.0.0.7 2001:DB8:0:0:0:0:0:1 1 2\r\n'))!;
    expect(said?.source.address).to.equal('10.0.0.7');
    expect(said?.destination.address).to.equal('2001:db8::1');
  });
});

describe('Addresses', () => {
  it('come back from their text', () => {
    fc.assert(
      fc.property(fc.oneof(ipv4, ipv6, fc.uint8Array({ minLength: 16, maxLength: 16 })), (bytes) => {
        const text = addressText(bytes);
        expect(addressText(parseAddress(text)!)).to.equal(text);
      }),
    );
  });

  it('are read as Node reads them, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.ipV4(), fc.ipV6(), fc.string(), fc.stringMatching(/^[\da-f:.]{0,12}$/)),
        (text) => {
          expect(parseAddress(text) !== undefined).to.equal(isIP(text) !== 0);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('lie within ranges up to their last bit', () => {
    const within = (range: string, address: string) => isWithin(parseRange(range)!, parseAddress(address)!);
    expect(within('10.1.2.0/23', '10.1.3.255')).to.equal(true);
    expect(within('10.1.2.0/23', '10.1.4.0')).to.equal(false);
    expect(within('10.1.2.3', '10.1.2.3')).to.equal(true);
    expect(within('10.1.2.3', '10.1.2.2')).to.equal(false);
    expect(within('0.0.0.0/0', '255.1.2.3')).to.equal(true);
    expect(within('0.0.0.0/0', '::1')).to.equal(false);
    expect(within('2001:db8::/33', '2001:db8:7fff::1')).to.equal(true);
    expect(within('2001:db8::/33', '2001:db8:8000::1')).to.equal(false);
    expect(within('::ffff:10.0.0.0/104', '10.255.0.1')).to.equal(true);
    for (const wrong of [
      '10.0.0.0/33',
      '::/129',
      '::ffff:1.2.3.4/95',
      '10.0.0.0/',
      '10.0.0.0/8/8',
      'here',
      '10.0.0.0/+8',
    ])
      expect(parseRange(wrong), wrong).to.equal(undefined);
  });
});
