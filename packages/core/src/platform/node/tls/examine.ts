/**
 * Looks for what is wrong with certificates and keys before anybody relies on
 * them. OpenSSL's own words go into the reasons: they name no secret.
 */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { TlsFinding, TlsIdentity, TlsMaterial } from '../../platform.js';

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

export function examineTls(material: TlsMaterial, now: number): readonly TlsFinding[] {
  const findings = [
    ...examineIdentity(material, [], now),
    ...Object.entries(material.sni).flatMap(([name, identity]) =>
      examineIdentity(identity, ['sni', name], now),
    ),
    ...examineAuthorities(material.ca, now),
  ];
  if (findings.every(({ warning }) => warning)) findings.push(...examineContext(material));
  return findings;
}

function examineIdentity(identity: TlsIdentity, at: readonly string[], now: number): TlsFinding[] {
  const certificate = attempt(() => new X509Certificate(identity.cert));
  const { cert, key, passphrase } = identity;
  if ('failure' in certificate) {
    const reason = `is not a certificate in PEM (${certificate.failure.message})`;
    return [fault([...at, 'cert'], reason, 'name a file that begins with -----BEGIN CERTIFICATE-----')];
  }
  const privateKey = attempt(() =>
    createPrivateKey({ key, ...(passphrase !== undefined && { passphrase }) }),
  );
  if ('failure' in privateKey) return [unreadableKey(privateKey.failure, key, at, passphrase !== undefined)];
  if (!certificate.value.checkPrivateKey(privateKey.value))
    return [fault([...at, 'key'], 'does not fit the certificate', 'name the key that it was made with')];
  const chained = attempt(() => createSecureContext({ cert, key: pemOf(privateKey.value) }));
  if ('failure' in chained) {
    const reason = `cannot be used (${chained.failure.message})`;
    return [fault([...at, 'cert'], reason, 'name the certificate, followed by those of its authorities')];
  }
  return examineValidity(certificate.value, [...at, 'cert'], now);
}

/** Decrypted; it goes nowhere but into OpenSSL. */
function pemOf(key: KeyObject): string | Buffer {
  return key.export({ type: 'pkcs8', format: 'pem' });
}

/** By the text, for the codes of OpenSSL differ from line to line of Node. */
function unreadableKey(
  failure: Error,
  key: string,
  at: readonly string[],
  hasPassphrase: boolean,
): TlsFinding {
  if (/ENCRYPTED/.test(key)) {
    const path = [...at, 'passphrase'];
    if (!hasPassphrase) return fault(path, 'is missing, and the key is encrypted', 'write it');
    return fault(path, 'does not decrypt the key', 'write the one that it was encrypted with');
  }
  const reason = `is not a private key in PEM (${failure.message})`;
  return fault([...at, 'key'], reason, 'name a file that begins with -----BEGIN PRIVATE KEY-----');
}

function examineAuthorities(ca: string | undefined, now: number): TlsFinding[] {
  if (ca === undefined) return [];
  const texts = ca.match(PEM_CERTIFICATE) ?? [];
  if (texts.length === 0)
    return [
      fault(
        ['ca'],
        'holds no certificate in PEM',
        'name a file with those of the authorities, one after another',
      ),
    ];
  return texts.flatMap((text) => {
    const certificate = attempt(() => new X509Certificate(text));
    if ('value' in certificate) return examineValidity(certificate.value, ['ca'], now);
    const reason = `holds something that is not a certificate (${certificate.failure.message})`;
    return [fault(['ca'], reason, 'take it out')];
  });
}

function examineValidity(certificate: X509Certificate, path: readonly string[], now: number): TlsFinding[] {
  const { validFrom, validTo } = certificate;
  const warning = (reason: string, remedy: string): TlsFinding[] => [{ path, reason, remedy, warning: true }];
  if (Date.parse(validTo) < now)
    return warning(`has expired on ${validTo}`, 'renew it, and reload: clients refuse it');
  if (Date.parse(validFrom) > now)
    return warning(
      `is not valid before ${validFrom}`,
      'look at the clock of this machine: clients refuse it',
    );
  return [];
}

/** What only shows when all of it is put together. */
function examineContext({ ciphers, minVersion }: TlsMaterial): TlsFinding[] {
  if (ciphers === undefined) return [];
  const context = attempt(() => createSecureContext({ ciphers, minVersion }));
  if ('value' in context) return [];
  const reason = `are not ciphers of this OpenSSL (${context.failure.message})`;
  return [fault(['ciphers'], reason, "write a list such as 'ECDHE+AESGCM', or remove it for Node's own")];
}

function fault(path: readonly string[], reason: string, remedy: string): TlsFinding {
  return { path, reason, remedy, warning: false };
}

function attempt<T>(work: () => T): { readonly value: T } | { readonly failure: Error } {
  try {
    return { value: work() };
  } catch (error) {
    return { failure: error as Error };
  }
}
