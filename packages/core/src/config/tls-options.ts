import { z } from 'zod';
import { duration } from './duration.js';
import { facts, option, optional, required } from './option.js';
import { pem, secret } from './pem.js';
import { Refusal, type Reader } from './reader.js';
import { boolean, integer } from './scalar.js';
import { text } from './text.js';
import { words } from './words.js';

/** Bytes of a protocol's name: the handshake has one byte for it. */
const longestProtocol = 255;
const mostProtocols = 32;

function protocols(): Reader<readonly string[], readonly string[]> {
  const takes = `an array of up to ${mostProtocols} names such as 'h2' or 'mqtt', of 1 to ${longestProtocol} visible ASCII characters`;
  const isName = (name: unknown): boolean =>
    typeof name === 'string' && name.length <= longestProtocol && /^[!-~]+$/.test(name);
  return {
    type: 'array of strings',
    range: `at most ${mostProtocols} names`,
    takes,
    read(value) {
      if (!Array.isArray(value)) return new Refusal('is not an array', `write ${takes}`);
      if (value.length > mostProtocols || !value.every(isName))
        return new Refusal('is not made of names of protocols', `write ${takes}`);
      return value as readonly string[];
    },
  };
}

/** By what a server proves who it is. */
const identity = {
  cert: required(
    pem('a certificate'),
    'The certificate of the server, followed by those that lead to its authority.',
  ),
  key: required(pem('a private key'), 'The private key of that certificate.'),
  passphrase: optional(secret(1024), {
    default: 'none',
    sentence: 'What the private key is encrypted with.',
  }),
};

export const serverName = z.strictObject(identity);

export const tlsSchema = z.strictObject({
  ...identity,
  sni: z.record(z.string(), serverName).optional().register(facts, {
    type: 'object',
    default: 'none',
    range: "`cert`, `key` and `passphrase` by host name, `'*.name'` for all names one level below",
    sentence: 'Other certificates, for clients that ask for these names; all others get the first.',
  }),
  ca: optional(pem('the certificates of authorities'), {
    default: 'those that Node knows',
    sentence: 'The authorities whose client certificates count.',
  }),
  requestCert: option(boolean(), {
    default: false,
    sentence: 'Asks clients for a certificate.',
  }),
  rejectUnauthorized: option(boolean(), {
    default: true,
    sentence:
      'With `requestCert`, refuses clients that show no certificate of an authority in `ca`; else handlers see `connection.tls.authorized`.',
  }),
  alpn: optional(protocols(), {
    default: 'none',
    sentence:
      'The protocols that the server speaks, the best first; a client that asks for others alone is refused.',
  }),
  minVersion: option(words({ 'TLSv1.2': [], 'TLSv1.3': [] }), {
    default: 'TLSv1.2',
    sentence: 'The oldest version of TLS that is spoken.',
  }),
  ciphers: optional(text(4096), {
    default: "Node's",
    sentence: "The ciphers that are used, in OpenSSL's notation.",
  }),
  handshakeTimeout: option(duration(100), {
    default: 10_000,
    sentence: 'How long a client may take to finish the handshake.',
  }),
  maxHandshakes: option(integer(1, 65_535), {
    default: 1_024,
    sentence:
      'How many handshakes each owner of sockets (reactor, or worker in base mode) has under way at once; clients beyond that are closed.',
  }),
});

export type TlsInput = z.input<typeof tlsSchema>;
type Identity = z.output<typeof serverName>;

/** A certificate and its key: absolute paths, or `inline:…` where the text stood in the settings. */
export interface IdentitySettings extends Pick<Identity, 'cert' | 'key'> {
  /** Says only that there is one. */
  readonly passphrase?: string;
}

/** How a listener is secured. Durations are ms; there is no secret in it. */
export interface TlsSettings extends IdentitySettings {
  /** By host name in lower case. */
  readonly sni: Readonly<Record<string, IdentitySettings>>;
  readonly ca?: string;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  readonly alpn: readonly string[];
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly ciphers?: string;
  readonly handshakeTimeout: number;
  readonly maxHandshakes: number;
}

/** With absolute paths, and names in lower case. */
export function fillTls(tls: z.output<typeof tlsSchema>, absolute: (path: string) => string): TlsSettings {
  const { cert, key, passphrase, sni = {}, ca, alpn = [], ciphers, ...rest } = tls;
  const identityOf = (each: Identity): IdentitySettings => ({
    cert: absolute(each.cert),
    key: absolute(each.key),
    ...(each.passphrase !== undefined && { passphrase: each.passphrase }),
  });
  return {
    ...rest,
    ...identityOf({ cert, key, passphrase }),
    sni: Object.fromEntries(
      Object.entries(sni).map(([name, each]) => [name.toLowerCase(), identityOf(each)]),
    ),
    alpn,
    ...(ca !== undefined && { ca: absolute(ca) }),
    ...(ciphers !== undefined && { ciphers }),
  };
}
