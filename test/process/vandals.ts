import { connect, type Socket } from 'node:net';

/** What may be done to a port; each resolves when the connection is gone. */
const deeds: readonly ((port: number) => Promise<void>)[] = [
  // Comes, and is gone at once.
  async (port) => visit(port, (socket) => socket.destroy()),
  async (port) => visit(port, (socket) => socket.resetAndDestroy()),
  // Half of something.
  async (port) => visit(port, (socket) => socket.write(garbage(3), () => socket.resetAndDestroy())),
  async (port) => visit(port, (socket) => socket.write(garbage(300), () => socket.destroy())),
  // Whole packets in either framing, and no interest in the answer.
  async (port) => visit(port, (socket) => socket.write('hello\n', () => socket.destroy())),
  async (port) => visit(port, (socket) => socket.write(Buffer.of(0, 0, 0, 1, 65), () => socket.destroy())),
  // Ends its side, and waits for the end of the other.
  async (port) => visit(port, (socket) => socket.end(garbage(50))),
  // More than a packet may have.
  async (port) => visit(port, (socket) => socket.write(garbage(20_000).fill(255))),
];

/** Opens and drops that many connections, so many at a time, each in a way of its own. */
export async function vandalise(ports: readonly number[], count: number, atATime: number): Promise<void> {
  let left = count;
  const vandal = async (): Promise<void> => {
    while (left-- > 0) await pick(deeds)(pick(ports));
  };
  await Promise.all(Array.from({ length: atATime }, vandal));
}

async function visit(port: number, deed: (socket: Socket) => void): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => {});
    socket.once('close', () => resolve());
    socket.once('connect', () => deed(socket));
    socket.resume();
  });
}

function garbage(bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, () => Math.floor(Math.random() * 256)));
}

function pick<T>(from: readonly T[]): T {
  return from[Math.floor(Math.random() * from.length)]!;
}
