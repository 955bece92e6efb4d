import { expect } from 'chai';
import { simulate, type TestServer } from '@shoal/testing';
import { ListenersApp, MisfitApp } from '../fixtures/apps/listeners.js';
import { eventually } from './facts.js';
import { inSimulation, inWorlds } from './in-worlds.js';

describe('Listeners', () => {
  inWorlds(
    'have framings and handlers of their own, by name, and the bare handler serves the others, on two reactors',
    ListenersApp,
    eachToItsOwn,
    { seeds: 20 },
  );
  for (const workerNum of [1, 2]) {
    inSimulation(`have them in base mode with ${workerNum} workers as well`, ListenersApp, eachToItsOwn, {
      settings: { mode: 'base', workerNum },
    });
  }

  it('are refused, all problems at once, when a handler is missing, double or of nobody', async () => {
    let message = '';
    await simulate(MisfitApp).catch((error: unknown) => (message = String(error)));
    expect(message).to.match(/the handlers of MisfitApp do not fit its settings/);
    expect(message).to.include(
      "listener bytes has no @OnReceive: add a bare one, or @OnReceive({ listener: 'bytes' })",
    );
    expect(message).to.include(
      "Admin.show and SecondAdmin.again both carry @OnReceive for listener 'admin': keep one",
    );
    expect(message).to.include(
      "SecondAdmin.never serves listener 'nobody', but the listeners are 'admin', 'bytes'",
    );
  });
});

async function eachToItsOwn(server: TestServer): Promise<void> {
  const lines = await server.connect({ listener: 'lines' });
  expect(await lines.receiveLine()).to.equal('everybody at lines');
  lines.send('one\r\ntwo\nstill\r\n');
  expect(await lines.receiveLine()).to.equal('everybody "one\\r\\n"');
  expect(await lines.receiveLine()).to.equal('everybody "two\\nstill\\r\\n"');

  const admin = await server.connect({ listener: 'admin', from: '127.0.0.5' });
  expect(await admin.receiveLine()).to.equal('everybody at admin');
  admin.send('status\n\n');
  const [, addresses] = /^admin "status" (.*)$/.exec(await admin.receiveLine())!;
  const { port } = server.running.listeners.find(({ name }) => name === 'admin')!;
  expect(JSON.parse(addresses!)).to.deep.include({
    remoteAddress: '127.0.0.5',
    localAddress: '127.0.0.1',
    localPort: port,
  });
  expect(await admin.receiveLine()).to.match(/^admin "" /);

  const blocks = await server.connect({ listener: 'blocks' });
  blocks.send(Buffer.from('\0\x05hello\0\0\0\x02hi', 'latin1'));
  for (const block of ['hello', '', 'hi']) {
    expect(await blocks.receiveLine()).to.equal(`block ${JSON.stringify(block)}`);
  }

  const values = await server.connect({ listener: 'values' });
  expect(await values.receiveLine()).to.equal('everybody at values');
  values.send('a5:helloz0:');
  expect(await values.receiveLine()).to.equal('value "a5:hello"');
  expect(await values.receiveLine()).to.equal('value "z0:"');
  values.send('A');
  await values.ended();
  values.end();

  const bytes = await server.connect({ listener: 'bytes' });
  expect(await bytes.receiveLine()).to.equal('everybody at bytes');
  bytes.send('x');
  expect(await bytes.receiveLine()).to.equal('everybody "x"');

  await eventually(server, 'the bad bytes to be counted', async () => {
    return (await server.stats()).refused['FRAMING_FAILED'] === 1;
  });
  expect((await server.stats()).failedHandlers).to.equal(0);
}
