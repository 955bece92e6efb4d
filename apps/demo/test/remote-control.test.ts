import { Tally } from '@shoal/demo/app';
import { inBothWorlds, simulate, type TestServer } from '@shoal/testing';
import { expect } from 'chai';
import { freshData, removeData } from './data.js';

/** One command, and all of its answer. */
async function ask(server: TestServer, command: string): Promise<string> {
  const client = await server.connect({ listener: 'admin' });
  client.send(`${command}\n`);
  client.end();
  await client.closed();
  return client.received.toString();
}

describe('The remote control of Tally', () => {
  beforeEach(freshData);
  afterEach(() => delete process.env['TALLY_ADMIN_ALLOW']);
  after(removeData);

  it('tells how each process is', async () => {
    await using server = await simulate(Tally);
    const answer = await ask(server, 'status');
    expect(answer).to.match(/^state: serving\ngeneration: 1\nconnections: 1\n(process .*\n)+END\n\n$/);
    for (const who of ['master', 'manager', 'worker 0', 'worker 1', 'taskWorker 2', 'keeper', 'queue'])
      expect(answer).to.match(new RegExp(`\nprocess ${who}.*: pid \\d+, ready, \\d+ handled\n`));
  });

  it('reloads all workers and keeps who asked, or task workers alone', async () => {
    await using server = await simulate(Tally);
    const admin = await server.connect({ listener: 'admin' });
    const before = server.running.workers.map(({ pid }) => pid);
    admin.send('reload task\n');
    expect(await admin.receiveLine()).to.equal('reloading: generation 2 is accepted');
    await admin.receive(/END\n\n/);
    await server.advance(5_000);
    admin.send('reload\n');
    expect(await admin.receiveLine()).to.equal('reloading: generation 3 is accepted');
    await admin.receive(/END\n\n/);
    await server.advance(5_000);
    const { processes } = await server.status();
    const workers = processes.filter(({ role }) => role === 'worker' || role === 'taskWorker');
    expect(workers.map(({ generation }) => generation)).to.deep.equal([3, 3, 3]);
    for (const { pid } of workers) expect(before).not.to.include(pid);
    admin.send('health\n');
    expect(await admin.receiveLine()).to.equal('health: up');
  });

  it('says on one line why a reload is refused', async () => {
    await using server = await simulate(Tally);
    const first = await server.connect({ listener: 'admin' });
    const second = await server.connect({ listener: 'admin' });
    first.send('reload\n');
    await server.advance(20);
    second.send('reload\nreload all\n');
    expect(await second.receiveLine()).to.match(/^ERROR: .*reload/);
    expect(await second.receiveLine()).to.equal('ERROR: reload takes nothing, or task');
    expect(await first.receiveLine()).to.equal('reloading: generation 2 is accepted');
  });

  it('stops the server, which answers first', async () => {
    const server = await simulate(Tally);
    expect(await ask(server, 'stop')).to.equal('stopping\nEND\n\n');
    await server.exited();
  });

  it('turns other addresses away than those that are configured, before it reads anything', async () => {
    process.env['TALLY_ADMIN_ALLOW'] = '10.1.0.0/16';
    await using server = await simulate(Tally);
    const stranger = await server.connect({ listener: 'admin', from: '10.2.0.1' });
    stranger.send('stop\n');
    await stranger.closed();
    expect(stranger.received.length).to.equal(0);
    const friend = await server.connect({ listener: 'admin', from: '10.1.255.255' });
    friend.send('health\n');
    expect(await friend.receiveLine()).to.equal('health: up');
    expect(server.logs().filter(({ message }) => message.includes('10.2.0.1'))).to.have.length(1);
  });

  it('does not start with a list of addresses that does not hold', async () => {
    process.env['TALLY_ADMIN_ALLOW'] = '10.1.0.0/16,anybody';
    const refusal = await simulate(Tally).catch((error: unknown) => error);
    expect(refusal).to.include({ code: 'CONFIG_INVALID' });
    expect(String(refusal)).to.include("TALLY_ADMIN_ALLOW: 'anybody' is neither an address nor a subnet");
  });

  it('does on real processes what it does in the simulation', async () => {
    await inBothWorlds(Tally, async (server) => {
      expect(await ask(server, 'reload')).to.equal('reloading: generation 2 is accepted\nEND\n\n');
      expect(await ask(server, 'health')).to.equal('health: up\n');
      expect((await server.status()).generation).to.equal(2);
      freshData();
    });
  }).timeout(20_000);
});
