/**
 * Who may come in: decides on each new connection before anything is made for
 * it. What it counts lies in memory that all reactors of the server share, so
 * that a limit is one of the server, whichever reactor accepts. In base mode
 * each worker has a door of its own.
 */
import type { ListenerSettings, Settings, TcpListenerSettings } from '../../config/load.js';
import type { ProtocolErrorCode } from '../../errors.js';
import type { Logger } from '../../log.js';
import type { DoorMemory } from '../../pipe/door-memory.js';
import type { Clock } from '../../platform/platform.js';
import { AddressCounts } from './address-counts.js';
import { addressKey, type AddressKey } from './address-key.js';
import { Alarm } from './alarm.js';
import { ConnectRates } from './connect-rates.js';
import { SharedLock } from './shared-lock.js';

const OPEN = 0;
const LOCK = 1;
/** The alarms follow. */
const CONNECTIONS_ALARM = 2;
const ADDRESSES_ALARM = 4;
const RATES_ALARM = 6;

export type Refusal = Extract<ProtocolErrorCode, 'CONNECTION_LIMIT' | 'ADDRESS_LIMIT' | 'CONNECT_RATE'>;

export class Door {
  readonly #words: Int32Array;
  readonly #lock: SharedLock;
  readonly #counts: AddressCounts | undefined;
  readonly #rates: ConnectRates | undefined;
  readonly #alarms: Readonly<Record<Refusal, Alarm>>;

  constructor(
    memory: DoorMemory,
    private readonly settings: Settings,
    private readonly clock: Clock,
    logger: Logger,
  ) {
    const { counts, rates, seed } = memory;
    const words = new Int32Array(memory.words);
    this.#words = words;
    this.#lock = new SharedLock(words, LOCK);
    if (counts !== undefined) this.#counts = new AddressCounts(new Int32Array(counts), seed);
    if (rates !== undefined) this.#rates = new ConnectRates(rates, seed);
    const isFull = (): boolean => Atomics.load(words, OPEN) >= settings.maxConnection;
    this.#alarms = {
      CONNECTION_LIMIT: new Alarm(words, CONNECTIONS_ALARM, clock, logger, 'CONNECTION_LIMIT', isFull),
      ADDRESS_LIMIT: new Alarm(words, ADDRESSES_ALARM, clock, logger, 'ADDRESS_LIMIT'),
      CONNECT_RATE: new Alarm(words, RATES_ALARM, clock, logger, 'CONNECT_RATE'),
    };
  }

  /** Lets a connection in, which has to `leave`, or says why not. */
  enter(index: number, address: string): Refusal | undefined {
    const words = this.#words;
    const listener = this.settings.listeners[index]!;
    let refusal: Refusal | undefined;
    if (Atomics.add(words, OPEN, 1) >= this.settings.maxConnection) refusal = 'CONNECTION_LIMIT';
    else if (isLimited(listener)) refusal = this.#enterByAddress(index, listener, addressKey(address));
    if (refusal === undefined) return undefined;
    Atomics.sub(words, OPEN, 1);
    this.#alarms[refusal].ring(() => describe(refusal, this.settings, listener, address));
    return refusal;
  }

  /**
   * Lets somebody begin a handshake, who then has to be admitted or to `withdraw`,
   * or says why not. He counts with his address already, and takes of its rate: the
   * handshake is what costs. He is none of `maxConnection`, but where that is
   * reached no handshake is worth its while.
   */
  approach(index: number, address: string): Refusal | undefined {
    const listener = this.settings.listeners[index]!;
    let refusal: Refusal | undefined;
    if (Atomics.load(this.#words, OPEN) >= this.settings.maxConnection) refusal = 'CONNECTION_LIMIT';
    else if (isLimited(listener)) refusal = this.#enterByAddress(index, listener, addressKey(address));
    if (refusal !== undefined)
      this.#alarms[refusal].ring(() => describe(refusal, this.settings, listener, address));
    return refusal;
  }

  /** As `enter`, for one who has approached; who is refused has left. */
  admit(index: number, address: string): Refusal | undefined {
    if (Atomics.add(this.#words, OPEN, 1) < this.settings.maxConnection) return undefined;
    this.leave(index, address);
    const listener = this.settings.listeners[index]!;
    this.#alarms.CONNECTION_LIMIT.ring(() => describe('CONNECTION_LIMIT', this.settings, listener, address));
    return 'CONNECTION_LIMIT';
  }

  /** Who has approached does not come in. */
  withdraw(index: number, address: string): void {
    const listener = this.settings.listeners[index]!;
    if (this.#counts !== undefined && isLimited(listener) && listener.maxConnectionPerAddress > 0) {
      const key = addressKey(address);
      if (key !== undefined) this.#leaveByAddress(this.#counts, index, key);
    }
  }

  /** A connection that came in is closed. */
  leave(index: number, address: string): void {
    this.withdraw(index, address);
    // Last, so that the table never has more rows in use than there may be connections.
    Atomics.sub(this.#words, OPEN, 1);
  }

  close(): void {
    for (const alarm of Object.values(this.#alarms)) alarm.stop();
  }

  #enterByAddress(
    index: number,
    { maxConnectionPerAddress, connectRate, connectRateInterval }: TcpListenerSettings,
    key: AddressKey | undefined,
  ): Refusal | undefined {
    if (key === undefined) return undefined;
    const rates = connectRate > 0 ? this.#rates : undefined;
    const counts = maxConnectionPerAddress > 0 ? this.#counts : undefined;
    this.#lock.take();
    try {
      // The wall clock, because each thread has a monotonic clock of its own.
      const now = rates === undefined ? 0 : this.clock.wallTime();
      if (counts?.enter(index, key, maxConnectionPerAddress) === false) return 'ADDRESS_LIMIT';
      if (rates?.take(index, key, connectRate, connectRateInterval, now) !== false) return undefined;
      counts?.leave(index, key);
      return 'CONNECT_RATE';
    } finally {
      this.#lock.release();
    }
  }

  #leaveByAddress(counts: AddressCounts, index: number, key: AddressKey): void {
    this.#lock.take();
    counts.leave(index, key);
    this.#lock.release();
  }
}

function describe(
  refusal: Refusal,
  { maxConnection }: Settings,
  listener: ListenerSettings,
  address: string,
): string {
  if (refusal === 'CONNECTION_LIMIT' || listener.type !== 'tcp')
    return `closing new connections at once: maxConnection ${maxConnection} is reached`;
  const { name, maxConnectionPerAddress, connectRate, connectRateInterval } = listener;
  const limit =
    refusal === 'ADDRESS_LIMIT'
      ? `maxConnectionPerAddress ${maxConnectionPerAddress} is reached`
      : `more than ${connectRate} in ${connectRateInterval} ms (connectRate)`;
  return `closing new connections of ${address} on listener ${name} at once: ${limit}`;
}

/** Whether there are limits for each address. */
function isLimited(listener: ListenerSettings): listener is TcpListenerSettings {
  return listener.type === 'tcp' && (listener.maxConnectionPerAddress > 0 || listener.connectRate > 0);
}
