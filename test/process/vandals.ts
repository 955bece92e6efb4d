import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { connect as connectSecurely } from 'node:tls';

/** A port of this machine, or the path of a socket. */
export type Gate = number | string;

/** What may be done to a listener; each resolves when the connection is gone. */
const deeds: readonly ((gate: Gate) => Promise<void>)[] = [
  // Comes, and is gone at once.
  async (gate) => visit(gate, (socket) => socket.destroy()),
  async (gate) => visit(gate, (socket) => reset(socket)),
  // Half of something.
  async (gate) => visit(gate, (socket) => socket.write(garbage(3), () => reset(socket))),
  async (gate) => visit(gate, (socket) => socket.write(garbage(300), () => socket.destroy())),
  // Whole packets in either framing, and no interest in the answer.
  async (gate) => visit(gate, (socket) => socket.write('hello\n', () => socket.destroy())),
  async (gate) => visit(gate, (socket) => socket.write(Buffer.of(0, 0, 0, 1, 65), () => socket.destroy())),
  // Ends its side, and waits for the end of the other.
  async (gate) => visit(gate, (socket) => socket.end(garbage(50))),
  // More than a packet may have.
  async (gate) => visit(gate, (socket) => socket.write(garbage(20_000).fill(255))),
];

/** What else may be done to one with TLS. */
const secretDeeds: readonly ((port: number) => Promise<void>)[] = [
  async (port) => whisper(port, (socket) => socket.destroy()),
  async (port) => whisper(port, (socket) => socket.write(garbage(300), () => socket.destroy())),
  async (port) => whisper(port, (socket) => socket.write('hello\n', () => socket.destroy())),
  async (port) => whisper(port, (socket) => socket.end(garbage(50))),
];

/** Opens and drops that many connections, so many at a time, each in a way of its own. */
export async function vandalise(gates: readonly Gate[], count: number, atATime: number): Promise<void> {
  let left = count;
  const vandal = async (): Promise<void> => {
    while (left-- > 0) await pick(deeds)(pick(gates));
  };
  await Promise.all(Array.from({ length: atATime }, vandal));
}

/** As `vandalise`, behind a handshake. */
export async function vandaliseSecurely(port: number, count: number, atATime: number): Promise<void> {
  let left = count;
  const vandal = async (): Promise<void> => {
    while (left-- > 0) await pick(secretDeeds)(port);
  };
  await Promise.all(Array.from({ length: atATime }, vandal));
}

/** Sends datagrams of garbage, in bursts, until it is `enough`; never hears an answer. */
export async function flood(port: number, senders: number, enough: () => Promise<boolean>): Promise<void> {
  const flooding = { over: false };
  const all = Array.from({ length: senders }, async () => sendUntilOver(port, flooding));
  while (!(await enough()));
  flooding.over = true;
  await Promise.all(all);
}

async function sendUntilOver(port: number, flooding: { readonly over: boolean }): Promise<void> {
  const socket = createSocket('udp4');
  const datagrams = Array.from({ length: 64 }, (_, index) => garbage(index % 8 === 0 ? 1_400 : index));
  while (!flooding.over) {
    for (const data of datagrams) socket.send(data, port, '127.0.0.1');
    await new Promise((resolve) => setImmediate(resolve));
  }
  await new Promise<void>((resolve) => socket.close(resolve));
}

async function whisper(port: number, deed: (socket: Socket) => void): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connectSecurely({ host: '127.0.0.1', port, rejectUnauthorized: false });
    socket.on('error', () => {});
    socket.once('close', () => resolve());
    socket.once('secureConnect', () => deed(socket));
    socket.resume();
  });
}

async function visit(gate: Gate, deed: (socket: Socket) => void): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connect(typeof gate === 'string' ? { path: gate } : { host: '127.0.0.1', port: gate });
    socket.on('error', () => {});
    socket.once('close', () => resolve());
    socket.once('connect', () => deed(socket));
    socket.resume();
  });
}

/** Node resets connections of TCP alone. */
function reset(socket: Socket): void {
  if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

function garbage(bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, () => Math.floor(Math.random() * 256)));
}

function pick<T>(from: readonly T[]): T {
  return from[Math.floor(Math.random() * from.length)]!;
}
