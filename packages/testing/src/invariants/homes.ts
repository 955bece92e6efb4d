import type { ReactorFact } from '@shoal/core/internal/events/facts';

/** Under `ipHash` all connections of one client address belong to one worker id, whoever is replaced meanwhile. */
export class Homes {
  readonly #byAddress = new Map<string, number>();
  /** By connection. */
  readonly #addresses = new Map<number, string>();

  constructor(private readonly report: (message: string, connection: number) => void) {}

  accepted({ connection, address }: ReactorFact & { kind: 'accepted' }): void {
    // A client at a unix socket has none.
    if (address !== '') this.#addresses.set(connection, address);
  }

  delivered({ connection, workerId }: ReactorFact & { kind: 'delivered' }): void {
    const address = this.#addresses.get(connection);
    if (address === undefined) return;
    const home = this.#byAddress.get(address) ?? workerId;
    this.#byAddress.set(address, home);
    if (home !== workerId)
      this.report(`goes to worker ${workerId}, and others of ${address} to worker ${home}`, connection);
  }
}
