/**
 * Gives connection ids: safe integers, never used twice in the life of a
 * server, that name the owner of the socket.
 *
 * Process mode: the ids of a reactor are its index plus multiples of the number
 * of reactors, for a reactor lives as long as its server. Base mode: an owner
 * is a worker, which may be replaced, so its incarnation heads the id.
 */
export class ConnectionIds {
  #sequence = 0;

  private constructor(
    private readonly first: number,
    readonly step: number,
    private readonly limit: number,
  ) {}

  static ofReactor(index: number, reactors: number): ConnectionIds {
    return new ConnectionIds(index, reactors, Number.MAX_SAFE_INTEGER);
  }

  static ofWorker(incarnation: number): ConnectionIds {
    return new ConnectionIds(incarnation * IDS_PER_INCARNATION, 1, IDS_PER_INCARNATION);
  }

  /** The incarnation of the worker that owns a connection of base mode. */
  static incarnationOf(id: number): number {
    return Math.floor(id / IDS_PER_INCARNATION);
  }

  /** The next id, or undefined when this owner has none left (2^30 connections in the life of one base-mode worker). */
  next(): number | undefined {
    const sequence = ++this.#sequence;
    return sequence < this.limit / this.step ? this.first + sequence * this.step : undefined;
  }
}

const IDS_PER_INCARNATION = 2 ** 30;
