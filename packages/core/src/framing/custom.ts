import { ConfigError, ProtocolError } from '../errors.js';
import type { Framing } from './framing.js';

/**
 * What a framing module exports as `packetLength`, or as its default. It is
 * called in the reactor, with the bytes from the start of a packet on, and
 * returns:
 *
 * - `0` while the boundary is not in sight; it is called again with more bytes,
 *   of which the first `scanned` are those it has seen;
 * - `n`, the total length of the packet in bytes, which may be more than are there yet;
 * - a negative number, or throws, for bytes that can never become a packet.
 *
 * The bytes must not be changed, and are those of the packet for ever after.
 */
export type PacketLength = (bytes: Buffer, scanned: number) => number;

/** A framing made of one function of the user. `source` names it in errors. */
export class CustomFraming implements Framing {
  readonly head = 0;
  readonly tail = 0;

  constructor(
    private readonly measure: PacketLength,
    private readonly source: string,
  ) {}

  packetLength(buffer: Buffer, start: number, end: number, scanned: number): number {
    const length = this.#measure(buffer.subarray(start, end), scanned);
    if (Number.isSafeInteger(length) && length >= 0) return length;
    throw new ProtocolError(
      'FRAMING_FAILED',
      typeof length === 'number' && length < 0
        ? `the framing ${this.source} refused the bytes: packetLength returned ${length}`
        : `the framing ${this.source} must return a whole number from packetLength, not ${describe(length)}`,
    );
  }

  #measure(bytes: Buffer, scanned: number): number {
    try {
      return this.measure(bytes, scanned);
    } catch (cause) {
      throw new ProtocolError('FRAMING_FAILED', `the framing ${this.source} threw in packetLength`, {
        cause,
      });
    }
  }
}

/** Loads the module at a file URL. Rejects with `ConfigError` CONFIG_FRAMING_MODULE when it is no framing. */
export async function loadCustomFraming(moduleUrl: string): Promise<Framing> {
  const found = packetLengthOf(await load(moduleUrl));
  if (found !== undefined) return new CustomFraming(found, moduleUrl);
  throw new ConfigError(
    'CONFIG_FRAMING_MODULE',
    `the framing module ${moduleUrl} has no function packetLength: export one, ` +
      `(bytes: Buffer) => number, under that name or as the default`,
  );
}

async function load(moduleUrl: string): Promise<{ packetLength?: unknown; default?: unknown }> {
  try {
    return (await import(moduleUrl)) as object;
  } catch (cause) {
    throw new ConfigError(
      'CONFIG_FRAMING_MODULE',
      `the framing module ${moduleUrl} cannot be loaded (${cause instanceof Error ? cause.message : String(cause)}): ` +
        `name a compiled JavaScript module by its file URL, and see that it loads by itself`,
      { cause },
    );
  }
}

/** The named export, the default export, or a property of the default export, as CommonJS modules have it. */
function packetLengthOf(module: { packetLength?: unknown; default?: unknown }): PacketLength | undefined {
  const owner = module.default as { packetLength?: unknown } | null | undefined;
  for (const candidate of [module.packetLength, owner, owner?.packetLength]) {
    if (typeof candidate === 'function') return candidate.bind(owner) as PacketLength;
  }
  return undefined;
}

function describe(value: unknown): string {
  return typeof value === 'number' ? String(value) : value instanceof Promise ? 'a promise' : typeof value;
}
