import { z } from 'zod';
import { datagramListener } from './datagram-options.js';
import { framing } from './framing-options.js';
import { asCode, asSize, facts, kind, option, optional, required } from './option.js';
import { proxySchema } from './proxy-options.js';
import { duration } from './duration.js';
import { boolean, integer } from './scalar.js';
import { GiB, KiB, MiB, size } from './size.js';
import { fileMode, socketPath } from './socket-path.js';
import { host, text } from './text.js';
import { tlsSchema } from './tls-options.js';
import { words } from './words.js';

/** Server-wide values of what a listener may set for itself. */
export const inheritedDefaults = {
  packageMaxLength: 2 * MiB,
  maxQueuedBytes: 256 * KiB,
  socketBufferSize: 8 * MiB,
  bufferLowWatermark: 0,
  outputOverflow: 'close',
  heartbeatIdleTime: 0,
  partialPacketTimeout: 0,
  maxIdleTime: 0,
  handlerTimeout: 0,
  concurrency: 1,
  onWorkerLost: 'redeliver',
  backlog: 512,
  enableDelayReceive: false,
} as const;

/** Those that only TCP has. */
export const inheritedTcpDefaults = {
  maxConnectionPerAddress: 0,
  connectRate: 0,
  connectRateInterval: 1_000,
  noDelay: true,
  keepAlive: true,
  keepAliveIdle: 60_000,
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
  bufferHighWatermark: optional(size(1, GiB), {
    default: '0.8 times `socketBufferSize`',
    sentence:
      'From so much output that waits for one connection on, `send` returns false, and `@OnBufferFull` is called once.',
  }),
  bufferLowWatermark: optional(size(0, GiB), {
    default: asCode(inheritedDefaults.bufferLowWatermark),
    sentence:
      'When what waits has fallen to this again, `send` returns true, and `@OnBufferEmpty` is called once.',
  }),
  outputOverflow: optional(words({ close: [], reject: [], dropNewest: [] }), {
    default: asCode(inheritedDefaults.outputOverflow),
    sentence:
      'What becomes of a send that would exceed `socketBufferSize`: its connection is reset, or it is refused as a whole, with false or without a word to the sender, and counted.',
  }),
  heartbeatIdleTime: optional(duration(1_000, 'zeroIsOff'), {
    default: asCode(inheritedDefaults.heartbeatIdleTime),
    sentence: 'A connection from which nothing has come for so long is closed.',
  }),
  partialPacketTimeout: optional(duration(100, 'zeroIsOff'), {
    default: asCode(inheritedDefaults.partialPacketTimeout),
    sentence:
      'How long a packet that has begun may take until it is whole, while the server reads; after that, and at most a quarter more, its connection is closed.',
  }),
  maxIdleTime: optional(duration(100, 'zeroIsOff'), {
    default: asCode(inheritedDefaults.maxIdleTime),
    sentence:
      'A connection on which nothing has moved for so long, neither from its client nor to it, is closed, at most a quarter later; so is one whose client does not read what it is sent.',
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
  enableDelayReceive: optional(boolean(), {
    default: asCode(inheritedDefaults.enableDelayReceive),
    sentence: 'Nothing is read from a new connection until `connection.confirm()`.',
  }),
};

export const inheritedTcp = {
  maxConnectionPerAddress: optional(integer(0, 1_000_000), {
    default: asCode(inheritedTcpDefaults.maxConnectionPerAddress),
    sentence:
      'How many connections one address may have on a listener, on all reactors together (base mode: with one worker); 0 is any number. All addresses of an IPv6 network of 64 bits count as one, and a TLS handshake as a connection. Further ones are closed at once.',
  }),
  connectRate: optional(integer(0, 1_000_000), {
    default: asCode(inheritedTcpDefaults.connectRate),
    sentence:
      'How many new connections of one address a listener takes within `connectRateInterval`, at once or spread over it; 0 is any number. Further ones are closed at once.',
  }),
  connectRateInterval: optional(duration(100), {
    default: asCode(inheritedTcpDefaults.connectRateInterval),
    sentence: 'The time in which `connectRate` connections become free again, evenly.',
  }),
  noDelay: optional(boolean(), {
    default: asCode(inheritedTcpDefaults.noDelay),
    sentence: "Sends small writes at once (TCP_NODELAY) instead of gathering them by Nagle's algorithm.",
  }),
  keepAlive: optional(boolean(), {
    default: asCode(inheritedTcpDefaults.keepAlive),
    sentence:
      'Lets the system ask a silent client whether it is still there (SO_KEEPALIVE), and break the connection when it does not answer.',
  }),
  keepAliveIdle: optional(duration(1_000), {
    default: asCode(inheritedTcpDefaults.keepAliveIdle),
    sentence:
      'How long a connection is silent before the system asks; then it asks once a second, and gives up after ten times. Whole seconds, rounded down.',
  }),
};

/** Characters. As many as the path that is the name of one without a name. */
const longestListenerName = 100;

const name = optional(text(longestListenerName), {
  default: '`host:port`',
  sentence: 'How handlers, logs and errors call this listener; no two have the same.',
});

/** What every listener of streams has. */
export const streamOptions = z.object({ framing, ...inherited });

/** The listeners, by transport. */
export const listeners = {
  tcp: z.strictObject({
    type: kind('tcp', 'A stream for each client.'),
    name,
    host: option(host(), { default: '0.0.0.0', sentence: 'The address to listen on.' }),
    port: required(integer(0, 65_535), 'The port to listen on; 0 takes a free one.'),
    ipv6Only: option(boolean(), {
      default: false,
      sentence: "With an address of IPv6: takes no clients of IPv4, which `host: '::'` takes too.",
    }),
    reusePort: option(boolean(), {
      default: false,
      sentence:
        'Lets other servers listen on the same port at the same time (SO_REUSEPORT); the system spreads new connections over all of them. From Node 22.12 on Linux.',
    }),
    framing,
    tls: tlsSchema.optional().register(facts, {
      type: 'object',
      default: 'none',
      range: 'see [TLS](#tls)',
      sentence: 'Secures every connection by TLS.',
    }),
    proxyProtocol: proxySchema.optional().register(facts, {
      type: 'object',
      default: 'none',
      range: 'see [PROXY protocol](#proxy-protocol)',
      sentence:
        'Every connection begins with a header in which a load balancer says where the client comes from, before TLS if there is any.',
    }),
    ...inherited,
    ...inheritedTcp,
  }),
  unix: z.strictObject({
    type: kind('unix', 'A stream for each client of this machine, by the path of a socket.'),
    name: optional(text(longestListenerName), {
      default: '`path`',
      sentence: 'How handlers, logs and errors call this listener; no two have the same.',
    }),
    path: required(
      socketPath(),
      'Where the socket is. One that a server which died has left is replaced, one that is in use is an error.',
    ),
    mode: option(fileMode(), {
      default: 0o660,
      shown: '`0o660`',
      sentence:
        'Who may connect: those who may write to the socket. It belongs to `user`, and has its mode before anybody finds it.',
    }),
    framing,
    ...inherited,
  }),
  udp: datagramListener(inheritedDefaults),
};

export const listenerSchema = z
  .discriminatedUnion('type', [listeners.tcp, listeners.unix, listeners.udp])
  .register(facts, {
    type: 'listener',
    default: 'required',
    range: '',
    sentence: 'Where the server listens.',
  });

export type InheritedOption =
  keyof typeof inheritedDefaults | keyof typeof inheritedTcpDefaults | 'bufferHighWatermark';

/** Options that listeners take over from the server unless they set their own. */
export const inheritedOptions = Object.keys({ ...inherited, ...inheritedTcp }) as InheritedOption[];
