import { connect, type Socket } from 'node:net';
import { until } from './deadlines.js';

const clients: Client[] = [];

/** A plain TCP client that keeps what it has received. */
export class Client {
  received = '';
  error: NodeJS.ErrnoException | undefined;
  closed = false;
  connected = false;
  readonly socket: Socket;

  constructor(
    readonly port: number,
    host = '127.0.0.1',
  ) {
    clients.push(this);
    this.socket = connect({ port, host });
    this.socket.on('connect', () => (this.connected = true));
    this.socket.on('data', (chunk) => (this.received += chunk.toString('latin1')));
    this.socket.on('error', (error) => (this.error = error));
    this.socket.on('close', () => (this.closed = true));
  }

  send(text: string): void {
    this.socket.write(text);
  }

  async receives(text: string | RegExp): Promise<string> {
    await until(
      `a client receives ${String(text)}, not ${this.received}`,
      () => this.received.search(text) !== -1,
    );
    return this.received;
  }
}

/** For `afterEach`. */
export function endClients(): void {
  for (const { socket } of clients.splice(0)) socket.destroy();
}
