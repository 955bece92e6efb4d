import { expect } from 'chai';
import type { TestServer } from '@shoal/testing';

/** Lets the watch change hands for a while. Whoever has it is checked by what the workers tell; clients only see that both are there. */
export async function rounds(server: TestServer): Promise<void> {
  for (let round = 0; round < 8; round++) {
    const client = await server.connect();
    client.send('who\n');
    expect(await client.receiveLine()).to.match(/^[01]$/);
    client.end();
    await server.advance(25);
  }
}
