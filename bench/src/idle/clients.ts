/** Opens so many connections to a port, lets each say a line and hear it again, and holds them. */
import { connect } from 'node:net';

/** Connections that are on their way at a time: fewer than a backlog. */
const AT_ONCE = 100;

const [port, count] = process.argv.slice(2).map(Number) as [number, number];
let opened = 0;
let answered = 0;

function open(): void {
  if (opened === count) return;
  opened++;
  const socket = connect(port, '127.0.0.1', () => socket.write('hello\n'));
  socket.on('error', (error) => {
    console.error(error.message);
    process.exit(1);
  });
  socket.once('data', () => {
    if (++answered === count) process.send?.({ open: answered });
    open();
  });
}

for (let at = 0; at < AT_ONCE; at++) open();
process.once('disconnect', () => process.exit(0));
