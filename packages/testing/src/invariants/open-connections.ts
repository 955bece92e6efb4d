/**
 * How many connections each owner of sockets has open, against `maxConnection`.
 * In process mode all reactors are one process; in base mode each worker has a
 * limit of its own.
 */
export class OpenConnections {
  readonly #counts = new Map<number, number>();

  /** Whether there are now more than `most`. */
  accepted(pid: number, most: number): boolean {
    const count = (this.#counts.get(pid) ?? 0) + 1;
    this.#counts.set(pid, count);
    return count > most;
  }

  closed(pid: number): void {
    this.#counts.set(pid, (this.#counts.get(pid) ?? 0) - 1);
  }

  ended(pid: number): void {
    this.#counts.delete(pid);
  }
}
