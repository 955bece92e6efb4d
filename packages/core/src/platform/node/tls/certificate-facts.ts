import type { X509Certificate } from 'node:crypto';
import type { PeerCertificate } from '../../platform.js';

const LONGEST_TEXT = 1_024;
const LONGEST_NAMES = 4_096;

/** What applications may ask of a certificate. Its owner wrote it, so every text is cut. */
export function certificateFacts(certificate: X509Certificate): PeerCertificate {
  // The types of older lines lack that these are undefined in a certificate without them.
  const { subject, issuer, subjectAltName } = certificate as Partial<X509Certificate>;
  const { validFrom, validTo, serialNumber, fingerprint256 } = certificate;
  return {
    subject: (subject ?? '').slice(0, LONGEST_TEXT),
    issuer: (issuer ?? '').slice(0, LONGEST_TEXT),
    subjectaltname: (subjectAltName ?? '').slice(0, LONGEST_NAMES),
    valid_from: validFrom.slice(0, LONGEST_TEXT),
    valid_to: validTo.slice(0, LONGEST_TEXT),
    serialNumber: serialNumber.slice(0, LONGEST_TEXT),
    fingerprint256,
  };
}
