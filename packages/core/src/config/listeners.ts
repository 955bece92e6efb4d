import type { FramingInput, ListenerInput } from './schema.js';

/**
 * The functions with which users write listeners. They return plain data and
 * check nothing: the settings are validated once, as a whole, so that every
 * problem is told at the same time.
 */

/** The options of a TCP listener; `docs/configuration.md` has them all. */
export type TcpOptions = Omit<TcpListenerInput, 'type'>;

/** The options of a UDP listener; `docs/configuration.md` has them all. */
export type UdpOptions = Omit<UdpListenerInput, 'type'>;

export type TcpListenerInput = Extract<ListenerInput, { type: 'tcp' }>;
export type UdpListenerInput = Extract<ListenerInput, { type: 'udp' }>;

/** The options of a listener on a unix socket; `docs/configuration.md` has them all. */
export type UnixOptions = Omit<UnixListenerInput, 'type'>;
export type UnixListenerInput = Extract<ListenerInput, { type: 'unix' }>;

export type RawFraming = Extract<FramingInput, { kind: 'raw' }>;
export type DelimiterFraming = Extract<FramingInput, { kind: 'delimiter' }>;
export type LengthPrefixFraming = Extract<FramingInput, { kind: 'lengthPrefix' }>;
export type CustomFraming = Extract<FramingInput, { kind: 'custom' }>;

/**
 * A TCP listener.
 *
 * - `port`: 0 to 65535; 0 takes a free one. Required.
 * - `host`: the address to listen on, `'0.0.0.0'` by default.
 * - `name`: how handlers and logs call it, `host:port` by default; unique.
 * - `framing`: how bytes are cut into packets, `raw()` by default.
 * - `tls`: secures every connection: `{ cert, key }`, each the path of a PEM file or
 *   its text, and more. Handlers see `connection.tls`.
 * - `proxyProtocol`: `{ trusted, timeout }`, where load balancers say who the client
 *   is; `connection.remoteAddress` is the client's then.
 *
 * What it does not set it takes over from the server: `packageMaxLength`,
 * `maxQueuedBytes`, `socketBufferSize` (bytes, or `'64KiB'`),
 * `heartbeatIdleTime`, `partialPacketTimeout` and `maxIdleTime` (ms, or `'60s'`; 0 is off),
 * `concurrency` (1 to 1024), `backlog` (1 to 65535), `maxConnectionPerAddress` and
 * `connectRate` (0 is any number) with `connectRateInterval`, `noDelay`,
 * `keepAlive` and `keepAliveIdle`.
 */
export function tcp(options: TcpOptions): TcpListenerInput {
  return { type: 'tcp', ...options };
}

/**
 * A UDP listener: each datagram is a packet for `@OnPacket`.
 *
 * - `port`: 0 to 65535; 0 takes a free one. Required.
 * - `host`: the address to receive on, `'0.0.0.0'` by default; an IPv6 one makes an
 *   IPv6 socket, and `'::'` takes IPv4 too unless `ipv6Only`.
 * - `name`: how handlers and logs call it, `host:port/udp` by default; unique.
 * - `recvBufferSize`: bytes that the system may hold until they are read.
 *
 * What it does not set it takes over from the server: `maxQueuedBytes` (bytes, or
 * `'64KiB'`: what may wait in one reactor for a worker), `handlerTimeout` (ms; 0 is
 * off) and `onWorkerLost` (`'close'` there is `'drop'` here). Options of streams are
 * refused.
 */
export function udp(options: UdpOptions): UdpListenerInput {
  return { type: 'udp', ...options };
}

/**
 * A listener on a unix socket, for clients on the same machine.
 *
 * - `path`: absolute, of at most 100 bytes. Required.
 * - `mode`: of the socket, `0o660` by default.
 * - `name`: how handlers and logs call it, the path by default; unique.
 * - `framing`: how bytes are cut into packets, `raw()` by default.
 *
 * The rest is as for `tcp`, without what only TCP has. A client has no address:
 * `remoteAddress` is empty and `remotePort` 0.
 */
export function unix(options: UnixOptions): UnixListenerInput {
  return { type: 'unix', ...options };
}

/** No framing: what one read of the socket brought is one packet. */
export function raw(): RawFraming {
  return { kind: 'raw' };
}

export interface DelimiterOptions {
  /** Leaves the delimiter out of the packet that the handler gets. Default false. */
  readonly strip?: boolean | undefined;
}

/**
 * A packet ends with `end`: 1 to 64 bytes; a string counts as UTF-8.
 * The packet includes them, unless `strip` is true.
 */
export function delimiter(end: string | Uint8Array, options: DelimiterOptions = {}): DelimiterFraming {
  const bytes = typeof end === 'string' ? new TextEncoder().encode(end) : end;
  return { kind: 'delimiter', bytes: Array.from(bytes), ...options };
}

export interface LengthPrefixOptions {
  /** Width, sign and byte order of the number. Default `'uint32be'`. The letters of Swoole (`'N'`, `'n'` …) work too. */
  readonly type?: LengthPrefixFraming['type'];
  /** Bytes before the number, 0 to 65535. Default 0. */
  readonly lengthOffset?: number | undefined;
  /**
   * Bytes that the number does not count, 0 to 65535: the whole packet has
   * `bodyOffset` bytes plus the number. 0 means that it counts the whole packet,
   * header included. Default: `lengthOffset` plus the bytes of the number, which
   * therefore counts the body alone.
   */
  readonly bodyOffset?: number | undefined;
  /**
   * Leaves the first `bodyOffset` bytes out of the packet that the handler gets, and in any case all up to the
   * end of the number. Default false.
   */
  readonly strip?: boolean | undefined;
}

/** A number at a fixed place tells how long the packet is. The packet includes its header, unless `strip` is true. */
export function lengthPrefix(options: LengthPrefixOptions = {}): LengthPrefixFraming {
  return { kind: 'lengthPrefix', ...options };
}

/**
 * A module of yours tells how long the next packet is. It is loaded by every
 * process that owns sockets, so it is named by its URL:
 * `custom(new URL('./framing.js', import.meta.url))`.
 */
export function custom(moduleUrl: string | URL): CustomFraming {
  return { kind: 'custom', module: String(moduleUrl) };
}
