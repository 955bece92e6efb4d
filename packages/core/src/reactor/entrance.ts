/**
 * The way in of one listener whose connections are not taken as they come: with
 * TLS, behind load balancers, or both. Who is on the way is no connection yet,
 * and no worker hears of it; but whose address is known, and whose handshake is
 * about to cost something, has to pass the limits of his address.
 */
import { isWithin, parseAddress, parseRange, type AddressRange } from '../config/ip-address.js';
import type { StreamListenerSettings } from '../config/load.js';
import { ProtocolError } from '../errors.js';
import type { ByteStream, Clock, Endpoint, TlsServer } from '../platform/platform.js';
import type { Arrival } from './arrival.js';
import { Entrant, type EntrantHost } from './entrant.js';

/** Connections without TLS that may be on the way at once: those that owe a header. */
const MOST_WITHOUT_TLS = 1_024;

export interface EntranceEvents {
  readonly clock: Clock;
  /** Whether somebody with that address may begin a handshake; he counts with the address from here on. */
  approach(remote: Endpoint): boolean;
  /** One who has approached does not get in. */
  withdraw(remote: Endpoint): void;
  /** It is a connection from now on; `approached`: its address counts already. */
  admit(stream: ByteStream, arrival: Arrival, approached: boolean): void;
  turnAway(error: ProtocolError, remote: Endpoint): void;
  /** One less is on the way. */
  left(): void;
}

export class Entrance implements EntrantHost {
  /** New handshakes use it; undefined until there are certificates. */
  tls: TlsServer | undefined;
  readonly #entrants = new Set<Entrant>();
  #closed = false;
  readonly #limit: number;
  readonly #trusted: readonly AddressRange[] | undefined;

  constructor(
    readonly settings: StreamListenerSettings,
    private readonly events: EntranceEvents,
  ) {
    this.#limit = settings.tls?.maxHandshakes ?? MOST_WITHOUT_TLS;
    this.#trusted = settings.proxyProtocol?.trusted.map((range) => parseRange(range)!);
  }

  get clock(): Clock {
    return this.events.clock;
  }

  /** How many are on the way. */
  get size(): number {
    return this.#entrants.size;
  }

  receive(stream: ByteStream): void {
    if (this.#closed) {
      stream.destroy(true);
      return;
    }
    const refusal = this.#refusal(stream.remote);
    if (refusal !== undefined) {
      stream.destroy(true);
      this.events.turnAway(refusal, stream.remote);
      return;
    }
    const entrant = new Entrant(stream, this);
    this.#entrants.add(entrant);
    entrant.begin();
  }

  /** Ends all who are on the way, and whoever comes after them. */
  close(): void {
    this.#closed = true;
    for (const entrant of this.#entrants) entrant.abort();
    this.#entrants.clear();
  }

  approach(remote: Endpoint): boolean {
    return this.events.approach(remote);
  }

  withdraw(remote: Endpoint): void {
    this.events.withdraw(remote);
  }

  through(entrant: Entrant, stream: ByteStream, arrival: Arrival, approached: boolean): void {
    this.#entrants.delete(entrant);
    this.events.admit(stream, arrival, approached);
    this.events.left();
  }

  refused(entrant: Entrant): void {
    this.#entrants.delete(entrant);
    this.events.left();
  }

  turnedAway(entrant: Entrant, error: ProtocolError): void {
    this.#entrants.delete(entrant);
    this.events.turnAway(error, entrant.stream.remote);
    this.events.left();
  }

  #refusal({ address }: Endpoint): ProtocolError | undefined {
    if (this.#entrants.size >= this.#limit)
      return new ProtocolError(
        'ENTRANCE_FULL',
        `${this.#limit} connections have not finished their handshake or header: raise maxHandshakes, or lower the timeouts`,
      );
    if (this.#trusted === undefined || this.#trusts(this.#trusted, address)) return undefined;
    // Who has reset before it was accepted has no address any more.
    if (address === '')
      return new ProtocolError(
        'PROXY_HEADER_INVALID',
        'the connection ended before its header of the PROXY protocol was whole',
      );
    return new ProtocolError('PROXY_SOURCE_UNTRUSTED', `${address} is none of proxyProtocol.trusted`);
  }

  #trusts(trusted: readonly AddressRange[], address: string): boolean {
    const bytes = parseAddress(address);
    return bytes !== undefined && trusted.some((range) => isWithin(range, bytes));
  }
}
