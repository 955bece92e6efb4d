import net from 'node:net';
import type { Endpoint, StreamEvents } from '@shoal/core/internal/platform/platform';
import type { ClientStream } from './scripted-client.js';
import type { ClientLink } from './world/link-behaviour.js';

/** A client's real connection. */
export class RealStream implements ClientStream {
  #error: Error | undefined;

  private constructor(
    private readonly socket: net.Socket,
    /** Called after each event. */
    private readonly poke: () => void,
  ) {}

  static connect(
    to: { path: string } | { host: string; port: number; from?: string },
    poke: () => void,
  ): Promise<RealStream> {
    return new Promise((resolve, reject) => {
      const place =
        'path' in to
          ? to
          : { host: to.host, port: to.port, ...(to.from !== undefined && { localAddress: to.from }) };
      const socket = net.connect({ ...place, allowHalfOpen: true, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RealStream(socket, poke));
      });
    });
  }

  /** The client's own end. */
  get local(): Endpoint {
    return { address: this.socket.localAddress ?? '', port: this.socket.localPort ?? 0 };
  }

  get link(): ClientLink {
    throw linkIsReal();
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
    // A unix socket knows no reset.
    if (reset && this.socket.remoteFamily !== undefined) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }
}

/** What tests are told that ask for what a real connection cannot do. */
export function linkIsReal(): Error {
  return new Error(
    'only in a simulation: nobody can shape, stall or cut the link of a real connection. Play this with simulate(), or let the client pause() and resume() its reading',
  );
}
