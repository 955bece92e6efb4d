import * as chai from 'chai';
import { Tally } from '@shoal/demo/app';
import { explore, inBothWorlds, simulate, type TestServer } from '@shoal/testing';
import { shoalChai } from '@shoal/testing/chai';

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

describe('Tally', () => {
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

  it('loses the numbers with its worker and not the connections', async () => {
    await using server = await simulate(Tally);
    const client = await server.connect({ listener: 'ingest' });
    await ingest(server, 'hits:1|c\n');
    expect(await metricsIn(server, 'counters')).to.deep.equal({ hits: 1 });
    await server.crashWorker(0);
    await server.workersReady();
    expect(await metricsIn(server, 'counters')).to.deep.equal({});
    client.send('hits:5|c\n');
    client.end();
    await client.closed();
    expect(await metricsIn(server, 'counters')).to.deep.equal({ hits: 5 });
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
    const line = (bytes: number): string => `${'n'.repeat(bytes - ':1|c\n'.length)}:1|c\n`;
    await ingest(server, line(8192));
    expect(Object.keys(await metricsIn(server, 'counters'))).to.have.length(1);
    const client = await server.connect({ listener: 'ingest' });
    client.send(line(8193));
    await client.ended();
    expect(Object.keys(await metricsIn(server, 'counters'))).to.have.length(1);
  });

  it('counts its uptime on the clock of the server', async () => {
    await using server = await simulate(Tally);
    await server.advance(20_000);
    await ingest(server, 'hits:1|c\n');
    await server.advance(41_000);
    expect(await ask(server, 'stats')).to.match(/^uptime: 61\nmessages\.last_msg_seen: 41\n/);
  });

  it('is on real processes what it is in the simulation', async () => {
    await inBothWorlds(Tally, async (server) => {
      await ingest(server, 'hits:1|c\nload:5|g\nnonsense\n');
      await server.crashWorker(0);
      await server.workersReady();
      await ingest(server, 'hits:2|c\n');
      expect(await metricsIn(server, 'counters')).to.deep.equal({ hits: 2 });
      expect(await badLines(server)).to.equal('0');
    });
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
      { runs: 100 },
    );
  });
});
