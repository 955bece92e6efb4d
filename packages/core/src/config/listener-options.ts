import { z } from 'zod';
import { datagramListener } from './datagram-options.js';
import { framing } from './framing-options.js';
import { asCode, asSize, facts, kind, option, optional, required } from './option.js';
import { duration } from './duration.js';
import { boolean, integer } from './scalar.js';
import { GiB, KiB, MiB, size } from './size.js';
import { host, text } from './text.js';
import { words } from './words.js';

/** Server-wide values of what a listener may set for itself. */
export const inheritedDefaults = {
  packageMaxLength: 2 * MiB,
  maxQueuedBytes: 256 * KiB,
  socketBufferSize: 8 * MiB,
  heartbeatIdleTime: 0,
  handlerTimeout: 0,
  concurrency: 1,
  onWorkerLost: 'redeliver',
  backlog: 512,
  noDelay: true,
} as const;

export const inherited = {
  packageMaxLength: optional(size(1, GiB), {
    default: `${asSize(inheritedDefaults.packageMaxLength)}, or \`reactorMemoryLimit\` if that is less`,
    sentence:
      'The longest packet, header or delimiter included; a peer that announces or sends a longer one is closed.',
  }),
  maxQueuedBytes: optional(size(KiB, GiB), {
    default: `${asSize(inheritedDefaults.maxQueuedBytes)}, or \`pipeWindow\` if that is less`,
    sentence:
      'How much of one connection may be with a worker and not yet settled before its socket is no longer read; one packet is always admitted.',
  }),
  socketBufferSize: optional(size(KiB, GiB), {
    default: `${asSize(inheritedDefaults.socketBufferSize)}, or \`reactorMemoryLimit\` if that is less`,
    sentence:
      'How much output one connection may have waiting for a slow peer; an empty buffer admits one send of up to `packageMaxLength`.',
  }),
  heartbeatIdleTime: optional(duration(1_000, 'zeroIsOff'), {
    default: asCode(inheritedDefaults.heartbeatIdleTime),
    sentence: 'A connection from which nothing has come for so long is closed.',
  }),
  handlerTimeout: optional(duration(100, 'zeroIsOff'), {
    default: asCode(inheritedDefaults.handlerTimeout),
    sentence:
      'How long an async handler of a connection may take to settle; after that, and at most a quarter more, its packet is refused and its connection is reset.',
  }),
  concurrency: optional(integer(1, 1024), {
    default: asCode(inheritedDefaults.concurrency),
    sentence:
      'How many packets of one connection may be with its handler at the same time; above 1 they may settle in another order.',
  }),
  onWorkerLost: optional(words({ redeliver: [], close: [], drop: [] }), {
    default: asCode(inheritedDefaults.onWorkerLost),
    sentence:
      'What becomes of packets that a worker may have started when it is lost: delivered again, dropped and counted, or dropped with all its connections closed.',
  }),
  backlog: optional(integer(1, 65_535), {
    default: asCode(inheritedDefaults.backlog),
    sentence: 'How many new connections the system holds until they are accepted.',
  }),
  noDelay: optional(boolean(), {
    default: asCode(inheritedDefaults.noDelay),
    sentence: "Sends small writes at once (TCP_NODELAY) instead of gathering them by Nagle's algorithm.",
  }),
};

const name = optional(text(64), {
  default: '`host:port`',
  sentence: 'How handlers, logs and errors call this listener; no two have the same.',
});

/** The listeners, by transport. */
export const listeners = {
  tcp: z.strictObject({
    type: kind('tcp', 'A stream for each client.'),
    name,
    host: option(host(), { default: '0.0.0.0', sentence: 'The address to listen on.' }),
    port: required(integer(0, 65_535), 'The port to listen on; 0 takes a free one.'),
    framing,
    ...inherited,
  }),
  udp: datagramListener(inheritedDefaults),
};

export const listenerSchema = z.discriminatedUnion('type', [listeners.tcp, listeners.udp]).register(facts, {
  type: 'listener',
  default: 'required',
  range: '',
  sentence: 'Where the server listens.',
});

export type InheritedOption = keyof typeof inheritedDefaults;

/** Options that listeners take over from the server unless they set their own. */
export const inheritedOptions = Object.keys(inherited) as InheritedOption[];
