import { expect } from 'chai';
import { simulate } from '@shoal/testing';
import { LateStreamsApp } from '../fixtures/apps/streams.js';

describe('A connection that becomes a stream while its worker is about to leave', () => {
  it('is served there to its end, with what came before and after', async () => {
    const server = await simulate(LateStreamsApp, { settings: { maxWaitTime: 5_000 } });
    try {
      const client = await server.connect();
      client.send('begin');
      await server.advance(5);
      client.send('one ');
      const reloaded = server.reload();
      // The successor is there by then, and the handler still runs.
      await server.advance(150);
      client.send('two ');
      expect((await client.receive(8)).toString()).to.equal('one two ');
      client.send('three');
      expect((await client.receive(5)).toString()).to.equal('three');
      client.end();
      await client.ended();
      await reloaded;
      expect((await server.stats()).pinnedLost).to.equal(0);
    } finally {
      await server.stop();
    }
  });
});
