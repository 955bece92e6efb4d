import { expect } from 'chai';
import type { TestServer } from '@shoal/testing';
import { answersTo } from './workshop.js';

/** A day at the workshop: clients have jobs done and notes passed on, and each checks what it gets. */
export async function orders(server: TestServer): Promise<void> {
  await Promise.all([
    order(server, 0, ['echo 1', 'many a', 'later 2', 'parts 3', 'reverse abc', 'ask one', 'many b']),
    order(server, 0, ['tell 1', 'tell 2', 'ask two', 'callback 3']),
    order(server, 1, ['large 1', 'break 2', 'impatient 3', 'tell 4', 'forget 5', 'ask three']),
    order(server, 2, [
      'many c',
      'forget 1',
      'pinned 22',
      'pinned 333',
      'tell 4',
      'impatient 5',
      'reverse xyz',
    ]),
    order(server, 5, ['later 1', 'many d', 'later 2', 'parts 3', 'many e']),
    order(server, 9, ['impatient 1', 'ask four', 'forget 2', 'many f', 'tell 3', 'ask five']),
  ]);
  await rest(server);
  // Deaths that are no accident, when no other job could be taken for their cause.
  await order(server, 0, ['die 1', 'echo 2', 'deadly 3', 'echo 4']);
  await rest(server);
  await order(server, 0, ['poison 1', 'tell 2']);
  await rest(server);
}

async function order(server: TestServer, moment: number, lines: readonly string[]): Promise<void> {
  await server.advance(moment);
  const client = await server.connect();
  for (const line of lines) {
    client.send(`${line}\n`);
    expect(await client.receiveLine(), line).to.be.oneOf([...answersTo(line)]);
  }
  client.end();
  await client.closed();
}

async function rest(server: TestServer): Promise<void> {
  await server.workersReady();
  await server.settle();
}
