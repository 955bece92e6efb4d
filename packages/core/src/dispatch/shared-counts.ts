/**
 * What the reactors of a server count together, in memory that they share. They
 * are threads of one process and end with it, so that no count is left behind
 * by one that has died.
 */
export class SharedCounts {
  /** One number: how many choices were made in turn. */
  readonly turn: Int32Array;
  /** By worker id: packets that it has and has not settled. */
  readonly inFlight: Int32Array;
  /** By worker id: connections that it serves. */
  readonly connections: Int32Array;

  constructor(memory: SharedArrayBuffer, workerNum: number) {
    const of = (from: number, length: number): Int32Array =>
      new Int32Array(memory, from * Int32Array.BYTES_PER_ELEMENT, length);
    this.turn = of(0, 1);
    this.inFlight = of(1, workerNum);
    this.connections = of(1 + workerNum, workerNum);
  }

  static memoryFor(workerNum: number): SharedArrayBuffer {
    return new SharedArrayBuffer((1 + 2 * workerNum) * Int32Array.BYTES_PER_ELEMENT);
  }
}
