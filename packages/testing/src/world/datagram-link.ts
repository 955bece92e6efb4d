/** What happens to datagrams on their way between a client and the server, in either direction. Only in a simulation. */
export interface DatagramLink {
  /** Probability, 0 to 1, that one is lost. Default 0. */
  readonly loss?: number;
  /** Probability, 0 to 1, that one comes twice. Default 0. */
  readonly duplication?: number;
  /** Probability, 0 to 1, that one takes a way of its own, which others overtake. Default 0. */
  readonly reordering?: number;
}

const NAMES = ['loss', 'duplication', 'reordering'] as const;

/** Throws an `Error` that names what cannot be. */
export function checkDatagramLink(link: DatagramLink): void {
  for (const name of Object.keys(link))
    if (!(NAMES as readonly string[]).includes(name))
      throw new Error(`a link of datagrams has no ${name}; it has ${NAMES.join(', ')}`);
  for (const name of NAMES) {
    const value = link[name];
    if (value === undefined || (typeof value === 'number' && value >= 0 && value <= 1)) continue;
    throw new Error(`${name} is ${String(value)}, and has to be a number from 0 to 1`);
  }
}
