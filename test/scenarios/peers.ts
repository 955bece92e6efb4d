/** Slow and impatient clients of `PressureApp`, and its desk. */
import { expect } from 'chai';
import type { TestClient, TestServer } from '@shoal/testing';
import { ask, eventually } from './facts.js';

/** Bytes of one block of `PressureApp`. */
export const BLOCK = 64 * 1024;

/** A client of that listener that is known to the server. */
export async function peerOf(server: TestServer, listener: string): Promise<TestClient> {
  const known = (): number => server.connections.filter((each) => each.listener === listener).length;
  const before = known();
  const peer = await server.connect({ listener });
  await eventually(server, 'the connection', () => known() > before);
  return peer;
}

/** The same, and it does not read. */
export async function slowPeer(server: TestServer, listener: string): Promise<TestClient> {
  const peer = await peerOf(server, listener);
  peer.pause();
  return peer;
}

export function idOf(server: TestServer, listener: string): number {
  return server.connections.find((each) => each.listener === listener)!.id;
}

/** So many blocks come, whole and in order, and nothing else. */
export async function checkBlocks(server: TestServer, peer: TestClient, blocks: number): Promise<void> {
  const bytes = await peer.receive(blocks * BLOCK);
  for (let index = 0; index < blocks; index++) {
    expect(bytes[index * BLOCK], `block ${index}`).to.equal(97 + (index % 26));
    expect(bytes[(index + 1) * BLOCK - 1], `block ${index}`).to.equal(97 + (index % 26));
  }
  await server.settle();
  expect(peer.received.length).to.equal(blocks * BLOCK);
}

/** Who may act on a connection that another process serves: a worker, and a process that serves none. */
export const actors = { 'a worker': '', 'a task worker': 'task ' } as const;

/** Waits until the owner of the socket has stopped reading it, or has begun. */
export async function whilePaused(
  server: TestServer,
  desk: TestClient,
  id: number,
  paused: boolean,
): Promise<void> {
  await eventually(
    server,
    `paused ${paused}`,
    async () => (await ask(desk, `paused ${id}`)) === String(paused),
  );
}
