import { expect } from 'chai';
import { simulate } from '@shoal/testing';
import { LateStreamsApp } from '../fixtures/apps/streams.js';

describe('A connection that becomes a stream while its worker is about to leave', () => {
  it('is served there to its end, with what came before and after', async () => {
    const server = await simulate(LateStreamsApp, { settings: { bakeTime: 0, maxWaitTime: 5_000 } });
    try {
      // One for each worker.
      const clients = [await server.connect(), await server.connect()];
      for (const client of clients) client.send('begin');
      await server.advance(5);
      const reloaded = server.reload();
      for (const client of clients) client.send('one ');
      // The successors are there by then, and the handlers still run.
      await server.advance(150);
      for (const client of clients) {
        client.send('two ');
        expect((await client.receive(8)).toString()).to.equal('one two ');
        client.send('three');
        expect((await client.receive(5)).toString()).to.equal('three');
      }
      for (const client of clients) client.end();
      for (const client of clients) await client.ended();
      await reloaded;
      expect((await server.stats()).pinnedLost).to.equal(0);
    } finally {
      await server.stop();
    }
  });
});
