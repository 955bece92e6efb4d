import type { Endpoint, TlsInfo } from '../platform/platform.js';

/**
 * What is known of a connection when it has come in. A stream is one itself, as
 * long as nothing in front of the server or around the stream knows better.
 */
export interface Arrival {
  /** The client, also behind a load balancer that speaks the PROXY protocol. */
  readonly remote: Endpoint;
  /** Where the client connected to. */
  readonly local: Endpoint;
  readonly tls?: TlsInfo;
}
