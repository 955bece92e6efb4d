/**
 * The counts by which `preemptive`, `leastInFlight` and `leastConnections`
 * choose, against what was seen: a count that is too high keeps a worker from
 * getting anything, and a leak grows for ever.
 */
import type { ReactorFact } from '@shoal/core/internal/events/facts';
import type { Rule } from './violation.js';

type Fact<Kind extends ReactorFact['kind']> = ReactorFact & { readonly kind: Kind };

interface Held {
  readonly reactor: string;
  /** Its pid. */
  readonly worker: number;
  readonly workerId: number;
}

export class Loads {
  /** Packets that workers have, by connection and number. */
  readonly #held = new Map<string, Held>();

  constructor(private readonly report: (rule: Rule, message: string, connection: number) => void) {}

  delivered(reactor: string, { event, connection, packet, worker, workerId }: Fact<'delivered'>): void {
    if (event === 'receive') this.#held.set(`${connection}/${packet}`, { reactor, worker, workerId });
  }

  /** A packet is settled, refused, or given back. */
  left({ connection, packet }: { readonly connection: number; readonly packet: number }): void {
    this.#held.delete(`${connection}/${packet}`);
  }

  /** What a worker that retires still has counts no more: its successor has the place. */
  retired(reactor: string, { worker }: Fact<'retired'>): void {
    for (const [key, held] of this.#held)
      if (held.reactor === reactor && held.worker === worker) this.#held.delete(key);
  }

  /** `there` are so many connections; undefined where some may belong to nobody. */
  told({ inFlight, connections }: Fact<'loads'>, there: number | undefined): void {
    if (connections !== undefined && there !== undefined) {
      const sum = connections.reduce((total, count) => total + count, 0);
      if (sum !== there)
        this.report('stats', `the workers count ${sum} connections, and there are ${there}`, 0);
    }
    for (const [workerId, count] of inFlight?.entries() ?? []) {
      let held = 0;
      for (const each of this.#held.values()) if (each.workerId === workerId) held++;
      if (held !== count)
        this.report('stats', `worker ${workerId} counts ${count} packets in flight, and has ${held}`, 0);
    }
  }
}
