/** The yardstick: what one process of Node does with a socket for datagrams and no framework. */
import { createSocket } from 'node:dgram';

const socket = createSocket({
  type: 'udp4',
  recvBufferSize: 4 * 1024 * 1024,
  // Else Node takes a turn for each datagram to look an address up that is one already.
  lookup: (address, _family, callback) => callback(null, address, 4),
});
socket.on('message', (data, { address, port }) => socket.send(data, port, address));
socket.bind(0, '127.0.0.1', () => process.send?.({ port: socket.address().port }));
process.once('disconnect', () => process.exit(0));
