import { mkdirSync, renameSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import * as chai from 'chai';
import { Tally } from '@shoal/demo/app';
import { explore, inBothWorlds, simulate, type SimulatedServer, type TestServer } from '@shoal/testing';
import { shoalChai } from '@shoal/testing/chai';
import { freshData, removeData } from './data.js';

const { expect } = chai.use(shoalChai);

/** Sends bytes to the port of the metrics and closes; resolves when the server has taken them. */
async function ingest(server: TestServer, bytes: string): Promise<void> {
  const client = await server.connect({ listener: 'ingest' });
  client.send(bytes);
  client.end();
  await client.closed();
  expect(client).to.have.received.only('');
}

/** Asks the console and closes at once, as `echo … | nc` does; resolves to all of the answer. */
async function ask(server: TestServer, command: string): Promise<string> {
  const client = await server.connect({ listener: 'admin' });
  client.send(`${command}\n`);
  client.end();
  await client.closed();
  return client.received.toString();
}

/** The metrics of one kind, without the service's own. */
async function metricsIn(server: TestServer, kind: string): Promise<object> {
  const answer = await ask(server, kind);
  expect(answer).to.match(/^\{.*\}\nEND\n\n$/);
  const metrics = JSON.parse(answer.slice(0, answer.indexOf('\n'))) as Record<string, unknown>;
  return Object.fromEntries(Object.entries(metrics).filter(([name]) => !name.startsWith('statsd.')));
}

async function badLines(server: TestServer): Promise<string | undefined> {
  return /^messages\.bad_lines_seen: (\d+)$/m.exec(await ask(server, 'stats'))?.[1];
}

/** The ids behind those of the two workers. */
const TASK_WORKER = 2;
const KEEPER = 3;
const QUEUE = 4;

async function kill(server: SimulatedServer, who: 'worker' | 'keeper' | 'task worker' | 'queue' | 'manager') {
  if (who === 'manager') await server.crashManager();
  else await server.crashWorker({ worker: 0, keeper: KEEPER, 'task worker': TASK_WORKER, queue: QUEUE }[who]);
}

describe('Tally', () => {
  beforeEach(freshData);
  after(removeData);

  it('takes metrics on one port and tells them on the other', async () => {
    await using server = await simulate(Tally);
    await ingest(server, 'hits:1|c\nhits:1|c|@0.1\nload:5|g\nload:-2|g\n');
    await ingest(server, 'hits:2|c:3|c|#env:prod\nanswer:320|ms\nanswer:12|h\nusers:anna|s\nusers:ben|s\n');
    expect(await metricsIn(server, 'counters')).to.deep.equal({ hits: 16 });
    expect(await metricsIn(server, 'gauges')).to.deep.equal({ load: 3 });
    expect(await metricsIn(server, 'timers')).to.deep.equal({ answer: [320, 12] });
    expect(await metricsIn(server, 'sets')).to.deep.equal({ users: 2 });
    expect(await badLines(server)).to.equal('0');
  });

  it('takes several lines in one datagram, and counts what is malformed', async () => {
    await using server = await simulate(Tally);
    const client = await server.datagramClient({ listener: 'datagrams' });
    client.send('hits:1|c\nhits:2|c:3|c\r\nload:5|g\n\nnonsense');
    client.send('answer:320|ms');
    client.send('');
    client.send(Buffer.from([0, 0xff, 0xfe]));
    await server.settle();
    expect(await metricsIn(server, 'counters')).to.deep.equal({ hits: 6 });
    expect(await metricsIn(server, 'gauges')).to.deep.equal({ load: 5 });
    expect(await metricsIn(server, 'timers')).to.deep.equal({ answer: [320] });
    expect(await badLines(server)).to.equal('2');
    expect(client.received).to.deep.equal([]);
  });

  it('loses no datagram that it has taken when a worker is killed', async () => {
    await using server = await simulate(Tally);
    const client = await server.datagramClient({ listener: 'datagrams' });
    for (let hit = 0; hit < 10; hit++) client.send('hits:1|c\nhits:1|c');
    await server.advance(50);
    await server.crashWorker(0);
    await server.crashWorker(1);
    await server.workersReady();
    await server.settle();
    expect(await metricsIn(server, 'counters')).to.deep.equal({ hits: 20 });
  });

  it('answers command after command, and closes at quit', async () => {
    await using server = await simulate(Tally);
    const admin = await server.connect({ listener: 'admin' });
    admin.send('health\r\nnonsense\n');
    expect(await admin.receiveLine()).to.equal('health: up');
    expect(await admin.receiveLine()).to.equal('ERROR');
    admin.send('gauges\nquit\nhealth\n');
    await admin.ended();
    expect(admin).to.have.received.only('health: up\nERROR\n{}\nEND\n\n');
  });

  it('counts malformed lines, and goes on with the same client', async () => {
    await using server = await simulate(Tally);
    await ingest(server, 'nonsense\nhits:1|c\n\xff\x00\x01:::|||\nhits:x|c\n\nhits:1|c\r\n');
    expect(await metricsIn(server, 'counters')).to.deep.equal({ hits: 2 });
    expect(await badLines(server)).to.equal('3');
  });

  it('does not count a last line without its end', async () => {
    await using server = await simulate(Tally);
    await ingest(server, 'hits:1|c\nhits:1|c');
    expect(await metricsIn(server, 'counters')).to.deep.equal({ hits: 1 });
    expect(await badLines(server)).to.equal('0');
  });

  it('takes a line of 8 KiB and closes a client whose line is one byte longer', async () => {
    await using server = await simulate(Tally);
    const line = (bytes: number): string => `hits:1|c|#${'t'.repeat(bytes - 'hits:1|c|#\n'.length)}\n`;
    await ingest(server, line(8192));
    expect(await metricsIn(server, 'counters')).to.deep.equal({ hits: 1 });
    const client = await server.connect({ listener: 'ingest' });
    client.send(line(8193));
    await client.ended();
    expect(await metricsIn(server, 'counters')).to.deep.equal({ hits: 1 });
  });

  it('counts its uptime on the clock of the server', async () => {
    await using server = await simulate(Tally);
    await server.advance(20_000);
    await ingest(server, 'hits:1|c\n');
    const uptime = (answer: string): number => Number(/^uptime: (\d+)\n/.exec(answer)?.[1]);
    const before = uptime(await ask(server, 'stats'));
    await server.advance(41_000);
    const answer = await ask(server, 'stats');
    expect(uptime(answer) - before).to.equal(41);
    expect(answer).to.match(/\nmessages\.last_msg_seen: 4[12]\n/);
  });

  it('has what was sent before in every answer, whichever worker has it', async () => {
    await using server = await simulate(Tally);
    const clients = [0, 1, 2, 3].map(async () => server.connect({ listener: 'ingest' }));
    const admins = [0, 1].map(async () => server.connect({ listener: 'admin' }));
    for (const client of await Promise.all(clients)) client.send('hits:1|c\n');
    for (const admin of await Promise.all(admins)) {
      await server.advance(5);
      admin.send('counters\n');
      expect(await admin.receiveLine()).to.include('"hits":4');
      await admin.receive(/END\n\n/);
    }
  });

  it('settles a thousand lines of one client before a second is over, and at once when it is to stop', async () => {
    const server = await simulate(Tally);
    const client = await server.connect({ listener: 'ingest' });
    client.send('hits:1|c\n'.repeat(3_000));
    await server.advance(500);
    expect(server.outstanding.length).to.be.lessThan(1_024);
    client.send('hits:1|c\n');
    const before = server.world.time;
    await server.advance(5);
    await server.stop();
    expect(server.world.time - before).to.be.lessThan(900);
    await using next = await simulate(Tally);
    expect(await metricsIn(next, 'counters')).to.deep.equal({ hits: 3_001 });
  });

  it('has the totals of the last rollup after everything was killed, deletions and health included', async () => {
    await using server = await simulate(Tally);
    await ingest(server, 'hits:1|c\nload:5|g\nanswer:320|ms\nusers:anna|s\nold:1|c\n');
    await ask(server, 'delcounters old');
    await ask(server, 'health down');
    await server.restart('kill');
    expect(await metricsIn(server, 'counters')).to.deep.equal({ hits: 1 });
    expect(await metricsIn(server, 'gauges')).to.deep.equal({ load: 5 });
    expect(await metricsIn(server, 'timers')).to.deep.equal({ answer: [320] });
    await ingest(server, 'users:anna|s:ben|s\n');
    expect(await metricsIn(server, 'sets')).to.deep.equal({ users: 2 });
    expect(await ask(server, 'health')).to.equal('health: down\n');
  });

  /** Three clients send while somebody dies; gives what was counted of 1,200 hits, and where a gauge has moved to. */
  async function countedWhileDies(
    who: Parameters<typeof kill>[1],
    moment: number,
  ): Promise<[number, number]> {
    freshData();
    await using server = await simulate(Tally, { seed: moment + 1 });
    const clients = await Promise.all([0, 1, 2].map(async () => server.connect({ listener: 'ingest' })));
    for (let round = 0; round < 4; round++) {
      for (const client of clients) client.send('hits:1|c\nload:+1|g\n'.repeat(100));
      await server.advance(1 + moment / 2);
      if (round === 1) await kill(server, who);
    }
    for (const client of clients) client.end();
    await Promise.all(clients.map(async (client) => client.closed()));
    const { hits } = (await metricsIn(server, 'counters')) as { hits: number };
    const { load } = (await metricsIn(server, 'gauges')) as { load: number };
    return [hits, load];
  }

  for (const who of ['keeper', 'task worker', 'queue'] as const) {
    it(`counts each line once when the ${who} dies at any moment`, async () => {
      for (let moment = 0; moment < 8; moment++)
        expect(await countedWhileDies(who, moment), `moment ${moment}`).to.deep.equal([1_200, 1_200]);
    });
  }

  for (const who of ['worker', 'manager'] as const) {
    it(`loses no line when the ${who} dies at any moment, and counts none more than twice`, async () => {
      for (let moment = 0; moment < 8; moment++) {
        for (const counted of await countedWhileDies(who, moment))
          expect(counted, `moment ${moment}`).to.be.within(1_200, 2_400);
      }
    });
  }

  it('counts what a worker had not sent when it died once', async () => {
    await using server = await simulate(Tally);
    const client = await server.connect({ listener: 'ingest' });
    client.send('hits:1|c\n'.repeat(100));
    await server.advance(500);
    for (const workerId of [0, 1, 0, 1]) {
      await server.crashWorker(workerId);
      await server.workersReady();
      expect(await metricsIn(server, 'counters')).to.deep.equal({ hits: 100 });
    }
  });

  it('loses nothing while all of it dies and starts again', async () => {
    await using server = await simulate(Tally);
    let sent = 0;
    for (let round = 0; round < 12; round++) {
      const client = await server.connect({ listener: 'ingest' });
      client.send('hits:1|c\n'.repeat(10));
      client.end();
      await client.closed();
      sent += 10;
      await server.restart('kill');
      expect(await metricsIn(server, 'counters')).to.deep.equal({ hits: sent });
    }
  });

  it('lets lines wait while the queue cannot be written, and counts each once when it can', async () => {
    await using server = await simulate(Tally);
    server.world.failStores('ENOSPC');
    const client = await server.connect({ listener: 'ingest' });
    client.send('hits:1|c\n'.repeat(10));
    await server.advance(5_000);
    expect(server.outstanding).to.have.length(10);
    server.world.failStores(undefined);
    client.end();
    await client.closed();
    expect(await metricsIn(server, 'counters')).to.deep.equal({ hits: 10 });
  });

  it('keeps rollups in the queue while the file cannot be written, and has their totals when it can', async () => {
    await using server = await simulate(Tally);
    const path = join(process.env['TALLY_DATA']!, 'rollups.ndjson');
    await ingest(server, 'hits:1|c\n');
    renameSync(path, `${path}.away`);
    mkdirSync(path);
    for (let line = 0; line < 2; line++) await ingest(server, 'hits:1|c\n');
    await server.crashWorker(KEEPER);
    await server.workersReady();
    rmdirSync(path);
    renameSync(`${path}.away`, path);
    expect(await metricsIn(server, 'counters')).to.deep.equal({ hits: 3 });
    expect(server).to.have.logged(/^the file of rollups fails, and is tried again/);
  });

  it('is on real processes what it is in the simulation', async () => {
    await inBothWorlds(Tally, async (server) => {
      freshData();
      await ingest(server, 'hits:1|c\nload:5|g\nnonsense\n');
      await server.crashWorker(KEEPER);
      await server.crashWorker(0);
      await server.workersReady();
      await ingest(server, 'hits:2|c\n');
      expect(await metricsIn(server, 'counters')).to.deep.equal({ hits: 3 });
      expect(await ask(server, 'counters')).to.include('"statsd.bad_lines_seen":1');
    });
  }).timeout(60_000);

  it('loses no line, whatever fails meanwhile', async () => {
    await explore(
      Tally,
      async (server) => {
        const client = await server.connect({ listener: 'ingest' });
        client.send('hits:1|c\n'.repeat(20));
        await server.advance(1_100);
        client.send('hits:1|c\n'.repeat(20));
        client.end();
        await client.closed();
        const { hits } = (await metricsIn(server, 'counters')) as { hits: number };
        expect(hits).to.be.at.least(40);
      },
      { runs: 25, override: { master: freshData } },
    );
  });

  it('counts each line once while no process is killed, whatever else happens', async () => {
    await explore(
      Tally,
      async (server) => {
        const client = await server.connect({ listener: 'ingest' });
        client.send('hits:1|c\n'.repeat(20));
        await server.advance(1_100);
        client.send('hits:1|c\n'.repeat(20));
        client.end();
        await client.closed();
        expect(await metricsIn(server, 'counters')).to.deep.equal({ hits: 40 });
      },
      {
        runs: 20,
        faults: { crashes: 0, managerCrashes: 0, reloads: 1, stops: 2 },
        override: { master: freshData },
      },
    );
  });

  it('answers every question, whatever fails meanwhile', async () => {
    await explore(
      Tally,
      async (server) => {
        const admin = await server.connect({ listener: 'admin' });
        for (let question = 0; question < 10; question++) {
          admin.send('counters\n');
          expect(await admin.receiveLine()).to.match(/^\{.*\}$/);
          expect(await admin.receiveLine()).to.equal('END');
          expect(await admin.receiveLine()).to.equal('');
        }
      },
      { runs: 25, override: { master: freshData } },
    );
  });
});
