import type { EchoLoad } from '../load/messages.js';

/** One row of the comparison: the same load for every server. */
export interface EchoCase {
  readonly name: string;
  readonly about: string;
  readonly load: Omit<EchoLoad, 'port'>;
  /** Answers of one connection may overtake each other, so that the bytes are compared with one message in flight. */
  readonly unordered?: true;
}

const CONNECTIONS = 50;

export const cases: readonly EchoCase[] = [
  {
    name: '64B',
    about: `64 B, raw, ${CONNECTIONS} connections, 1 in flight on each`,
    load: { connections: CONNECTIONS, inFlight: 1, messageBytes: 64, prefixed: false },
  },
  {
    name: 'framed',
    about: `64 B behind a length of 4 B, ${CONNECTIONS} connections, 16 in flight on each`,
    load: { connections: CONNECTIONS, inFlight: 16, messageBytes: 68, prefixed: true },
  },
  {
    name: '16KiB',
    about: `16 KiB, raw, ${CONNECTIONS} connections, 1 in flight on each`,
    load: { connections: CONNECTIONS, inFlight: 1, messageBytes: 16 * 1024, prefixed: false },
  },
];
