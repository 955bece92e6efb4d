/** What the doors of all reactors share; plain, so that it travels to threads. */
export interface DoorMemory {
  /** Int32: connections, lock, and two for each alarm. */
  readonly words: SharedArrayBuffer;
  /** Absent where no listener limits the connections of an address. */
  readonly counts?: SharedArrayBuffer;
  /** Absent where no listener limits their rate. */
  readonly rates?: SharedArrayBuffer;
  /** Of the tables. */
  readonly seed: number;
}
