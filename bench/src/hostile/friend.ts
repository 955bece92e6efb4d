import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A message of the length framing, its prefix included. */
const MESSAGE = Buffer.concat([Buffer.of(0, 0, 0, 60), Buffer.alloc(60, 1)]);

/** Clients that send a message every so many ms and wait for its answer: they load nothing, and notice everything. */
export class Friends {
  readonly #roundTrips: number[] = [];

  private constructor(private readonly sockets: readonly Socket[]) {}

  static async connect(port: number, count: number): Promise<Friends> {
    const sockets = await Promise.all(
      Array.from({ length: count }, async () => {
        const socket = connect({ host: '127.0.0.1', port, noDelay: true });
        await once(socket, 'connect');
        return socket;
      }),
    );
    return new Friends(sockets);
  }

  /** Round trips in ms during `duration` ms. */
  async measure(duration: number, every: number): Promise<readonly number[]> {
    this.#roundTrips.length = 0;
    const end = performance.now() + duration;
    await Promise.all(this.sockets.map(async (socket, index) => this.#talk(socket, index, end, every)));
    return [...this.#roundTrips];
  }

  leave(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  /** They begin one after the other, so that they do not all speak at once. */
  async #talk(socket: Socket, index: number, end: number, every: number): Promise<void> {
    await wait((index * every) / this.sockets.length);
    while (performance.now() < end) {
      const sentAt = performance.now();
      socket.write(MESSAGE);
      for (let bytes = 0; bytes < MESSAGE.length;) {
        const [chunk] = (await once(socket, 'data')) as [Buffer];
        bytes += chunk.length;
      }
      this.#roundTrips.push(performance.now() - sentAt);
      await wait(Math.max(0, sentAt + every - performance.now()));
    }
  }
}

async function wait(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
