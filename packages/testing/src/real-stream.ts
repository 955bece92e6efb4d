import net from 'node:net';
import type { StreamEvents } from '@shoal/core/internal/platform/platform';
import type { ClientStream } from './scripted-client.js';

/** A client's real connection. */
export class RealStream implements ClientStream {
  #error: Error | undefined;

  private constructor(
    private readonly socket: net.Socket,
    /** Called after each event. */
    private readonly poke: () => void,
  ) {}

  static connect(to: { host: string; port: number; from?: string }, poke: () => void): Promise<RealStream> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({
        host: to.host,
        port: to.port,
        allowHalfOpen: true,
        noDelay: true,
        ...(to.from !== undefined && { localAddress: to.from }),
      });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RealStream(socket, poke));
      });
    });
  }

  start(events: StreamEvents): void {
    const { socket, poke } = this;
    socket.on('error', (error) => (this.#error = error));
    socket.on('data', (chunk: Buffer) => {
      events.data(chunk);
      poke();
    });
    socket.on('end', () => {
      events.end();
      poke();
    });
    socket.on('drain', () => events.drain());
    socket.on('close', () => {
      events.close(this.#error);
      poke();
    });
  }

  write(chunk: Buffer): void {
    if (this.socket.writable) this.socket.write(chunk);
  }

  end(): void {
    this.socket.end();
  }

  destroy(reset = false): void {
    if (reset) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }
}
