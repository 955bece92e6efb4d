import { connect } from 'node:net';
import { echoMessages } from './echo-messages.js';
import type { EchoLoad } from './messages.js';

/** Turns that each connection is checked for. */
const TURNS = 32;

/** Sends messages that differ from each other, and compares every byte that comes back. */
export async function checkEcho(load: EchoLoad): Promise<void> {
  await Promise.all(Array.from({ length: load.connections }, (_, index) => checkConnection(load, index)));
}

/** As many messages at once as the load has in flight, then again when all are back. */
function checkConnection(load: EchoLoad, index: number): Promise<void> {
  const messages = echoMessages(load, load.inFlight * TURNS, 1 + index * 7919);
  const turnBytes = load.inFlight * load.messageBytes;
  return new Promise((resolve, reject) => {
    let at = 0;
    const socket = connect({ host: '127.0.0.1', port: load.port, noDelay: true });
    const next = (): void => void socket.write(messages.subarray(at, at + turnBytes));
    const fail = (reason: string): void => {
      socket.destroy();
      reject(new Error(`connection ${index}, byte ${at}: ${reason}`));
    };
    socket.once('connect', next);
    socket.on('data', (chunk: Buffer) => {
      if (!chunk.equals(messages.subarray(at, at + chunk.length)))
        return fail('other bytes came back than were sent');
      at += chunk.length;
      if (at === messages.length) {
        socket.destroy();
        resolve();
      } else if (at % turnBytes === 0) {
        next();
      }
    });
    socket.on('end', () => fail('the server closed the connection'));
    socket.on('error', reject);
  });
}
