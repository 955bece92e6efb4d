import { expect } from 'chai';
import type { SimulatedServer, TestClient } from '@shoal/testing';
import { delimiter, tcp } from '@shoal/core';

const FILE = 10_000;
const framing = delimiter('\n', { strip: true });
const place = { host: '127.0.0.1', port: 0, framing };
const bounds = { socketBufferSize: '16KiB', packageMaxLength: '4KiB', maxQueuedBytes: '1KiB' } as const;
/** Smaller than those of the application: a bound is soon reached. */
export const narrowListeners = [
  tcp({ name: 'desk', ...place }),
  tcp({ name: 'rejecting', ...place, ...bounds, outputOverflow: 'reject' }),
  tcp({ name: 'dropping', ...place, ...bounds, outputOverflow: 'dropNewest' }),
  tcp({ name: 'echo', ...place }),
];

/** Three clients read by fits and starts while they are flooded, sent files, paused, and told everything in between. */
export async function flood(server: SimulatedServer): Promise<void> {
  server.world.putFile('/srv/file', Buffer.alloc(FILE, 'f'));
  const desks = [await server.connect(), await server.connect()];
  const peers = [];
  for (const listener of ['rejecting', 'dropping', 'rejecting'])
    peers.push(await server.connect({ listener }));
  await server.settle();
  const ids = server.connections.filter(({ listener }) => listener !== 'desk').map(({ id }) => id);
  for (let round = 0; round < 3; round++) {
    for (const [index, peer] of peers.entries()) {
      if ((round + index) % 2 === 0) peer.pause();
      else peer.resume();
      peer.send(round % 2 === 0 ? 'drip 30\n' : `flood ${20 * round}\n`);
    }
    for (const [index, id] of ids.entries()) {
      const as = (round + index) % 2 === 0 ? '' : 'task ';
      desks[0]!.send(`${as}send ${id} 3\n${as}pause ${id}\n`);
      desks[1]!.send(`${as}file ${id} /srv/file ${round} 5000\n${as}wait ${id} 2\n`);
    }
    // More than its window takes, so that the window stops it as well.
    peers[round]!.send('note\n'.repeat(30));
    await server.advance(20);
    for (const id of ids) desks[0]!.send(`resume ${id}\n`);
  }
  for (const peer of peers) peer.resume();
  await server.workersReady();
  for (const id of ids) desks[0]!.send(`resume ${id}\n`);
  await server.settle();
  for (const peer of peers) expect(peer.received.length).to.be.above(1024);
  await rest(server, desks[0]!, peers, ids);
}

/** Whoever is paused is not read, whatever else has stopped it before, and is read again when it is resumed. */
async function rest(
  server: SimulatedServer,
  desk: TestClient,
  peers: readonly TestClient[],
  ids: readonly number[],
): Promise<void> {
  for (const peer of peers) peer.send('drip 3\n' + 'note\n'.repeat(30));
  for (const id of ids) desk.send(`pause ${id}\n`);
  await server.settle();
  for (const peer of peers) peer.send('anybody there?\n');
  await server.settle();
  for (const peer of peers) expect(peer.received.includes('anybody there?')).to.equal(false);
  for (const id of ids) desk.send(`resume ${id}\n`);
  await server.settle();
  for (const peer of peers) expect(peer.received.includes('anybody there?')).to.equal(true);
}
