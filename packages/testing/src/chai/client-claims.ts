import { explainAbsence, explainDifference, firstDifference } from './bytes-difference.js';
import type { Claim } from './claim.js';
import { asBuffer, plainText, showBytes } from './shown-bytes.js';
import type { ClientSubject } from './subject.js';
import { surroundings } from './surroundings.js';

/** Bytes that test runners compare. */
const COMPARED_BYTES = 4_000;

/** That text, those bytes or a match of the pattern has come, among whatever else. */
export function received(client: ClientSubject, wanted: unknown): Claim {
  return wanted instanceof RegExp
    ? receivedMatch(client, wanted)
    : receivedBytes(client, bytesOf(wanted, 'a string, bytes or a RegExp'));
}

/** That those bytes have come and no others. */
export function receivedOnly(client: ClientSubject, wanted: unknown): Claim {
  const came = asBuffer(client.received);
  const bytes = bytesOf(wanted, 'a string or bytes');
  const difference = firstDifference(came, bytes);
  const around = difference ?? 0;
  return {
    holds: difference === undefined,
    subject: nameOf(client),
    claim: `have received only ${showBytes(bytes, around)}`,
    found: (negated) => [
      negated ? ', but it has' : `, but ${whatCame(client, around)}`,
      ...(negated ? [] : [explainDifference(came, bytes)]),
      ...stateOf(client),
    ],
    expected: comparable(bytes, around),
    actual: comparable(came, around),
  };
}

/** That the connection is in that state, as the client sees it. */
export function inState(client: ClientSubject, state: 'open' | 'ended' | 'closed'): Claim {
  const holds = state === 'ended' ? client.state !== 'open' : client.state === state;
  return {
    holds,
    subject: nameOf(client),
    claim: `be ${state}`,
    found: () => [
      `, but it is ${client.state}`,
      whatCame(client, client.received.length),
      ...surroundings(client),
    ],
    expected: state,
    actual: client.state,
  };
}

function receivedBytes(client: ClientSubject, bytes: Buffer): Claim {
  const came = asBuffer(client.received);
  const place = came.indexOf(bytes);
  return {
    holds: place !== -1,
    subject: nameOf(client),
    claim: `have received ${showBytes(bytes)}`,
    found: (negated) =>
      negated
        ? [`, but it came at byte ${place}: ${showBytes(came, place)}`, ...stateOf(client)]
        : [
            `, but ${whatCame(client, came.length)}`,
            ...(came.length > 0 ? [explainAbsence(came, bytes)] : []),
            ...stateOf(client),
          ],
    expected: comparable(bytes, 0),
    actual: comparable(came, came.length),
  };
}

/** The pattern sees one character for each byte, as in `receive`. */
function receivedMatch(client: ClientSubject, pattern: RegExp): Claim {
  const came = asBuffer(client.received);
  const match = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).exec(came.toString('latin1'));
  return {
    holds: match !== null,
    subject: nameOf(client),
    claim: `have received ${String(pattern)}`,
    found: (negated) => [
      negated && match !== null
        ? `, but ${showBytes(Buffer.from(match[0], 'latin1'))} came at byte ${match.index}`
        : `, but ${whatCame(client, came.length)}`,
      ...stateOf(client),
    ],
    expected: pattern,
    actual: comparable(came, came.length),
  };
}

function bytesOf(wanted: unknown, allowed: string): Buffer {
  if (typeof wanted === 'string') return Buffer.from(wanted);
  if (wanted instanceof Uint8Array) return asBuffer(wanted);
  throw new TypeError(`received takes ${allowed}, and got ${wanted === null ? 'null' : typeof wanted}`);
}

function whatCame({ received: came }: ClientSubject, place: number): string {
  return came.length === 0 ? 'nothing came' : `${came.length} bytes came: ${showBytes(came, place)}`;
}

function stateOf(client: ClientSubject): readonly string[] {
  return [`the connection is ${client.state}`, ...surroundings(client)];
}

/** The text around a place, for the diff of a test runner. */
function comparable(bytes: Buffer, place: number): string {
  const start = Math.max(0, place - COMPARED_BYTES / 2);
  return plainText(bytes.subarray(start, start + COMPARED_BYTES));
}

function nameOf({ id }: ClientSubject): string {
  return typeof id === 'number' ? `client ${id}` : 'the client';
}
