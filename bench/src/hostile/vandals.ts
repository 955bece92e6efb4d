/**
 * A program that is no friend of a server: opens and drops connections in ways of
 * its own, and sends packets of garbage, so many of each a second and no more. It
 * must not be its use of the processor that friends notice.
 */
import { connect, type Socket } from 'node:net';

const [port = 0, perSecond = 0, packetsPerSecond = 0] = process.argv.slice(2).map(Number);
const TICK_MS = 10;

const deeds: readonly ((socket: Socket) => void)[] = [
  (socket) => socket.destroy(),
  (socket) => socket.resetAndDestroy(),
  (socket) => socket.write(garbage(3), () => socket.resetAndDestroy()),
  (socket) => socket.end(garbage(200)),
  // A length that nobody may have.
  (socket) => socket.write(garbage(2_000).fill(255)),
];

function garbage(bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, () => Math.floor(Math.random() * 256)));
}

let opened = 0;

function visit(): void {
  opened++;
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => {});
  socket.once('connect', () => deeds[opened % deeds.length]!(socket));
  socket.resume();
}

/** Whole frames with anything in them. */
function frames(count: number): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, () => {
      const body = garbage(1 + Math.floor(Math.random() * 40));
      return Buffer.concat([Buffer.of(0, 0, 0, body.length), body]);
    }),
  );
}

const packets = frames(Math.round((packetsPerSecond * TICK_MS) / 1_000));
const flood = connect({ host: '127.0.0.1', port });
flood.resume();
let due = 0;
setInterval(() => {
  flood.write(packets);
  for (due += (perSecond * TICK_MS) / 1_000; due >= 1; due--) visit();
}, TICK_MS);
process.send?.({ began: true });
process.once('disconnect', () => process.exit(0));
