import type { ByteStream, Platform, StreamEvents } from '@shoal/core/internal/platform/platform';
import { World } from '@shoal/testing/internal/world/world';
import type { WorldOptions } from '@shoal/testing/internal/world/world-options';

/** Stream events of which a test wants only some. */
export function events(some: Partial<StreamEvents>): StreamEvents {
  return { data: () => {}, end: () => {}, drain: () => {}, close: () => {}, ...some };
}

/** Everything that one end of a stream is told. */
export class Recorder implements StreamEvents {
  readonly chunks: Buffer[] = [];
  ended = false;
  drains = 0;
  closed: { error: Error | undefined } | undefined;

  constructor(readonly stream: ByteStream) {
    stream.start(this);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  data(chunk: Buffer): void {
    this.chunks.push(chunk);
  }

  end(): void {
    this.ended = true;
  }

  drain(): void {
    this.drains++;
  }

  close(error: Error | undefined): void {
    this.closed = { error };
  }
}

export const PORT = 9_000;

/** A world whose first process accepts on one port. */
export function serving(
  accept: (stream: ByteStream, platform: Platform) => void,
  options: WorldOptions = {},
  listening: { backlog?: number } = {},
): World {
  const world = new World(options);
  world.start((platform) =>
    platform.network.listen(
      { host: '0.0.0.0', port: PORT, backlog: listening.backlog ?? 511, noDelay: true, reusePort: false },
      (stream) => accept(stream, platform),
    ),
  );
  return world;
}

/** Connects a client and waits until it is established. */
export async function connect(world: World, port = PORT): Promise<Recorder> {
  await world.until(
    () => world.leftovers().ports.includes(port),
    () => `a listener on port ${port}`,
  );
  let outcome: Recorder | Error | undefined;
  world.connect({ port }, (result) => {
    outcome = result instanceof Error ? result : new Recorder(result);
  });
  await world.until(
    () => outcome !== undefined,
    () => 'a connection',
  );
  if (outcome instanceof Recorder) return outcome;
  throw outcome ?? new Error('no outcome');
}

export function echo(stream: ByteStream): void {
  stream.start(events({ data: (chunk) => stream.write(chunk), end: () => stream.end() }));
}
