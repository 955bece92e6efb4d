import { createSocket, type Socket } from 'node:dgram';
import type { Endpoint } from '@shoal/core/internal/platform/platform';
import type { ClientDatagrams } from './datagram-client.js';

/** A client's real socket. */
export class RealDatagrams implements ClientDatagrams {
  receive: (data: Buffer, from: Endpoint) => void = () => {};

  private constructor(
    private readonly socket: Socket,
    poke: () => void,
  ) {
    socket.on('message', (data, from) => {
      this.receive(data, from);
      poke();
    });
    // What the system tells of one that was sent is no business of the test.
    socket.on('error', () => {});
    socket.unref();
  }

  static open(address: string, poke: () => void): Promise<RealDatagrams> {
    return new Promise((resolve, reject) => {
      const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
      socket.once('error', reject);
      socket.bind({ address, port: 0, exclusive: true }, () => {
        socket.off('error', reject);
        resolve(new RealDatagrams(socket, poke));
      });
    });
  }

  get local(): Endpoint {
    const { address, port } = this.socket.address();
    return { address, port };
  }

  send(data: Buffer, { address, port }: Endpoint): void {
    this.socket.send(data, port, address, () => {});
  }

  close(): void {
    this.socket.close();
  }
}

/** What tests are told that ask for what a real network cannot do. */
export function datagramLinkIsReal(): Error {
  return new Error(
    'only in a simulation: nobody can shape what happens to real datagrams; play this with simulate()',
  );
}
