import { expect } from 'chai';
import { explore, type ExploreOptions, type SimulatedServer, type TestClient } from '@shoal/testing';
import { delimiter, tcp } from '@shoal/core';
import { SecuredApp } from '../fixtures/apps/secured.js';
import { SickApp } from '../fixtures/apps/sick.js';
import { AsyncEchoApp, StoryApp, SyncEchoApp } from '../fixtures/apps/echo.js';
import { ErrandsApp } from '../fixtures/apps/everywhere.js';
import { LimitsApp } from '../fixtures/apps/limits.js';
import { PostApp } from '../fixtures/apps/post.js';
import { RoomsApp } from '../fixtures/apps/rooms.js';
import { StreamsApp } from '../fixtures/apps/streams.js';
import { chat } from '../mutants/chat.js';
import { conversation } from '../mutants/streams.js';
import { Office } from '../mutants/office.js';
import { orders } from '../mutants/orders.js';
import { rounds } from '../mutants/rounds.js';
import { visits } from '../mutants/visits.js';
import { WatchApp } from '../mutants/watch.js';
import { Workshop } from '../mutants/workshop.js';
import { played } from './breadth.js';
import { seedOfTheDay } from './day.js';

const seed = seedOfTheDay();
const lineListener = tcp({ name: 'lines', host: '127.0.0.1', port: 0, framing: delimiter('\n') });
const replacements = { reloads: 2, stops: 3 };
/** What clients may expect for each `onWorkerLost`: some lines are not answered, or none from some line on. */
const loses = {
  drop: (server: SimulatedServer) =>
    speak(server, (sent, received) => {
      let at = 0;
      for (const line of received.match(/.*\n/g) ?? []) {
        expect(sent.indexOf(line, at), line).to.be.at.least(at);
        at = sent.indexOf(line, at) + line.length;
      }
      expect(received).to.match(/(^|\n)$/);
    }),
  close: (server: SimulatedServer) =>
    speak(server, (sent, received) => expect(sent.slice(0, received.length)).to.equal(received)),
};

/** The guarantees of the kernel are checked after each run; the scenarios only have to make things happen. */
describe(`What the kernel promises, explored with the seed of the day ${seed}`, () => {
  holds('when clients pipeline lines and handlers answer at once', SyncEchoApp, talk, { runs: 70 });
  holds('when clients pipeline lines and handlers answer later', AsyncEchoApp, talk, { runs: 70 });
  holds('with two reactors', SyncEchoApp, talk, { runs: 70, settings: { reactorNum: 2 } });
  holds('when the windows are small', AsyncEchoApp, talk, {
    runs: 70,
    kernelBuffer: 4 * 1024,
    settings: { pipeWindow: '64KiB' },
  });
  holds('when a connection goes through an async connect, its state, and losses', StoryApp, tell, {
    runs: 70,
  });
  holds('when blocks travel in chunks among lines', PostApp, carry, { runs: 20, kernelBuffer: 16 * 1024 });
  holds('when a day at the office has everything', Office, visits, { runs: 40, kernelBuffer: 32 * 1024 });
  holds('when a day at the workshop has everything', Workshop, orders, {
    runs: 30,
    kernelBuffer: 32 * 1024,
    spawnDelay: [2, 50],
  });
  holds('when workers send to connections of each other', PostApp, write, { runs: 70 });
  holds('when workers send to connections of each other in base mode', PostApp, write, {
    runs: 70,
    settings: { mode: 'base' },
  });
  for (const mode of ['process', 'base'] as const)
    holds(`when task workers send to connections, in ${mode} mode`, ErrandsApp, post, {
      runs: 60,
      settings: { mode, bakeTime: 0 },
    });
  for (const [dispatchMode, faults] of [
    ['fixed', {}],
    ['uid', {}],
    ['uid', replacements],
  ] as const)
    holds(
      `when clients write to groups and uids, dispatched by '${dispatchMode}', with ${JSON.stringify(faults)}`,
      RoomsApp,
      chat,
      { runs: 25, settings: { dispatchMode, bakeTime: 0 }, faults },
    );
  holds('when clients write to groups and uids in base mode', RoomsApp, chat, {
    runs: 25,
    settings: { mode: 'base' },
  });
  holds('when silent clients are closed and busy ones are not', AsyncEchoApp, keepBusy, {
    runs: 70,
    settings: {
      heartbeatCheckInterval: 1_000,
      listeners: [{ ...lineListener, heartbeatIdleTime: 5_000 }],
    },
  });
  for (const mode of ['process', 'base'] as const)
    holds(`when some handlers never settle and are given up, in ${mode} mode`, SickApp, fallSick, {
      runs: 70,
      settings: { mode, workerNum: 2, handlerTimeout: 300 },
    });
  for (const settings of [{}, { mode: 'base', workerNum: 1 }] as const)
    holds(`when more clients come than may, in ${settings.mode ?? 'process'} mode`, LimitsApp, crowd, {
      runs: 40,
      settings,
    });
  holds('when the server stops amid the work', AsyncEchoApp, stopAmid, { runs: 70 });
  holds('when workers of two reactors send to connections of each other', PostApp, write, {
    runs: 70,
    settings: { reactorNum: 2, workerNum: 1 },
  });
  holds('when clients break their connections', AsyncEchoApp, talk, { runs: 70, faults: { resets: 3 } });
  holds('in base mode, for the connections whose worker lives', SyncEchoApp, talk, {
    runs: 70,
    settings: { mode: 'base' },
  });
  holds(
    'when clients come by TLS and through load balancers, among others who do not get in',
    SecuredApp,
    enter,
    {
      runs: 20,
      faults: replacements,
      settings: { bakeTime: 0 },
    },
  );
  holds(
    'when clients come by TLS, and workers own the sockets',
    SecuredApp,
    (server) => enter(server, true),
    {
      runs: 20,
      settings: { mode: 'base' },
    },
  );
  holds('when every packet goes to the next worker', SyncEchoApp, scatter, {
    runs: 70,
    settings: { dispatchMode: 'roundRobin' },
  });
  for (const mode of ['process', 'base'] as const) {
    const settings = { mode, bakeTime: 0 };
    holds(`when workers are replaced all the time, at once, in ${mode} mode`, SyncEchoApp, talk, {
      runs: 40,
      faults: replacements,
      settings,
    });
    holds(`when workers are replaced all the time, later, in ${mode} mode`, AsyncEchoApp, talk, {
      runs: 40,
      faults: replacements,
      settings,
    });
  }
  holds('when every packet goes to the next worker, and that is replaced', SyncEchoApp, scatter, {
    runs: 40,
    faults: replacements,
    settings: { dispatchMode: 'roundRobin', bakeTime: 0 },
  });
  holds('when several workers at once are replaced by spares', AsyncEchoApp, talk, {
    runs: 40,
    faults: replacements,
    settings: { standbyNum: 1, maxUnavailable: 2, bakeTime: 0 },
  });
  holds('when workers are recycled after three packets', AsyncEchoApp, talk, {
    runs: 40,
    settings: { maxRequest: 3 },
  });
  for (const mode of ['process', 'base'] as const)
    holds(
      `when timers belong to one worker, which is replaced all the time, in ${mode} mode`,
      WatchApp,
      rounds,
      {
        runs: 60,
        faults: replacements,
        settings: { mode },
      },
    );
  for (const onWorkerLost of ['drop', 'close'] as const)
    holds(`when a lost worker means '${onWorkerLost}'`, AsyncEchoApp, loses[onWorkerLost], {
      runs: 40,
      settings: { listeners: [{ ...lineListener, onWorkerLost }] },
    });
});

describe(`What the kernel promises of streams, explored with the seed of the day ${seed}`, () => {
  for (const mode of ['process', 'base'] as const) {
    holds(`when workers are lost, in ${mode} mode`, StreamsApp, conversation, {
      runs: 40,
      settings: { mode },
    });
    holds(
      `when workers are replaced all the time and clients reset, in ${mode} mode`,
      StreamsApp,
      conversation,
      {
        runs: 40,
        faults: { ...replacements, resets: 2 },
        settings: { mode, bakeTime: 0, maxWaitTime: 4_000 },
      },
    );
  }
  holds('when what nobody reads fills the windows', StreamsApp, conversation, {
    runs: 30,
    kernelBuffer: 4 * 1024,
    settings: { workerNum: 1, maxQueuedBytes: 16 * 1024, socketBufferSize: 32 * 1024 },
  });
});

function holds(
  when: string,
  App: new () => object,
  scenario: (server: SimulatedServer) => Promise<void>,
  options: ExploreOptions & { readonly runs: number },
): void {
  const runs = played(options.runs);
  it(`holds ${when} (${runs} runs)`, async () => {
    const report = await explore(App, scenario, { seed, ...options, runs });
    expect(report.interleavings).to.be.above(report.runs / 2);
  });
}

const LINES = 20;
const LETTERS = 10;

/** Three clients send lines in bursts; each gets its own back, in order. One ends its side early. */
async function talk(server: SimulatedServer): Promise<void> {
  const clients = [await server.connect(), await server.connect(), await server.connect()];
  for (let line = 0; line < LINES; line += 4) {
    for (const client of clients) client.send(lines(client, line, line + 4));
    await server.advance(3);
  }
  clients[0]!.end();
  for (const client of clients)
    expect((await client.receive(lines(client, 0, LINES).length)).toString()).to.equal(
      lines(client, 0, LINES),
    );
  await clients[0]!.closed();
}

/** Three clients send lines, and what each gets back by the end is compared with them. */
async function speak(
  server: SimulatedServer,
  compare: (sent: string, received: string) => void,
): Promise<void> {
  const clients = [await server.connect(), await server.connect(), await server.connect()];
  for (let line = 0; line < LINES; line += 4) {
    for (const client of clients) if (client.state === 'open') client.send(lines(client, line, line + 4));
    await server.advance(3);
  }
  await server.workersReady();
  await server.settle();
  for (const client of clients) compare(lines(client, 0, LINES), client.received.toString());
}

function lines({ id }: TestClient, from: number, to: number): string {
  return Array.from({ length: to - from }, (_, index) => `client ${id} says ${from + index}\n`).join('');
}

/** Asks for everything that the storyteller can tell, and closes. */
async function tell(server: SimulatedServer): Promise<void> {
  const clients = [await server.connect(), await server.connect()];
  for (const client of clients) client.send('one\ntwo\nfail\nthree\n');
  for (const client of clients)
    await client.receive(/welcome\n[^]*one attempt [^]*two attempt [^]*three attempt \d/);
  for (const client of clients) client.send('four\nbye\nnever\n');
  for (const client of clients) {
    await client.receive(/four attempt \d\n/);
    await client.ended();
    expect(client.received.toString()).not.to.match(/never/);
    client.end();
  }
}

/** Blocks of up to 300 kB come back whole while lines pass between them. */
async function carry(server: SimulatedServer): Promise<void> {
  const block = await server.connect({ listener: 'blocks' });
  const line = await server.connect({ listener: 'lines' });
  const sizes = [10, 70_000, 300_000, 0, 65_536];
  for (const size of sizes) {
    const bytes = Buffer.alloc(4 + size, `${size} `);
    bytes.writeUInt32BE(size);
    block.send(bytes);
    line.send('who\n');
  }
  for (const size of sizes) {
    const bytes = await block.receive(4 + size);
    expect(bytes.readUInt32BE()).to.equal(size);
    expect(bytes.subarray(4).equals(Buffer.alloc(4 + size, `${size} `).subarray(4))).to.equal(true);
    expect(await line.receiveLine()).to.match(/^\d+ \d \d+$/);
  }
}

/** Clients of every sort come in at once; those who do not get in change nothing for the others. */
async function enter(server: SimulatedServer, owned = false): Promise<void> {
  const proxy = { from: '203.0.113.7', port: 4711 };
  const silent = await server.connect({ listener: 'secured' });
  const rude = await server.connect({ listener: 'proxied' });
  rude.send('hello\n');
  const clients = [
    await server.connect({ listener: 'secured', tls: { servername: 'a.example' } }),
    await server.connect({ listener: 'proxied', proxy: { ...proxy, version: 1 } }),
    await server.connect({ listener: 'both', proxy: { ...proxy, port: 4712 }, tls: {} }),
  ];
  for (let line = 0; line < LINES; line++) {
    for (const client of clients) client.send(`${line}\n`);
    await server.advance(2);
  }
  for (const client of clients) client.end();
  await silent.closed();
  await rude.closed();
  const expected = Array.from({ length: LINES }, (_, line) => `echo ${line}\n`).join('');
  for (const client of clients) {
    await client.ended();
    // Where workers own the sockets, a lost one takes them with it.
    const received = client.received.toString();
    if (owned) expect(expected.startsWith(received)).to.equal(true);
    else expect(received).to.equal(expected);
  }
}

/** Without an order: every line is answered at least once, none by halves. */
async function scatter(server: SimulatedServer): Promise<void> {
  const client = await server.connect();
  for (let line = 0; line < LINES; line++) client.send(`${line}\n`);
  await server.settle();
  const answers = client.received.toString().split('\n').slice(0, -1);
  expect([...new Set(answers)].map(Number).sort((a, b) => a - b)).to.deep.equal([...Array(LINES).keys()]);
}

/** Clients write to each other through whatever worker serves them: each letter comes at least once, none by halves. */
async function write(server: SimulatedServer): Promise<void> {
  const clients = [await server.connect(), await server.connect(), await server.connect()];
  const ids: string[] = [];
  for (const client of clients) {
    client.send('who\n');
    ids.push((await client.receiveLine()).split(' ')[0]!);
  }
  for (let letter = 0; letter < LETTERS; letter++) {
    for (const [index, client] of clients.entries())
      client.send(`send ${ids[(index + 1) % ids.length]} letter-${letter}-of-${index}\n`);
    await server.advance(2);
  }
  await server.settle();
  for (const [index, client] of clients.entries()) {
    const lines = client.received.toString().split('\n').slice(1, -1);
    const author = (index + clients.length - 1) % clients.length;
    for (let letter = 0; letter < LETTERS; letter++)
      expect(lines).to.include(`letter-${letter}-of-${author}`);
    for (const line of lines) expect(line).to.match(/^(true|letter-\d+-of-\d+)$/);
  }
}

/** Clients write to each other through task workers, and one closes another: what was posted has come, and nothing by halves. */
async function post(server: SimulatedServer): Promise<void> {
  const clients = [await server.connect(), await server.connect(), await server.connect()];
  const ids: string[] = [];
  for (const client of clients) {
    client.send('who\n');
    ids.push(await client.receiveLine());
  }
  for (let letter = 0; letter < LETTERS; letter++) {
    for (const [index, client] of clients.entries())
      client.send(`post ${ids[(index + 1) % ids.length]} ${letter}-of-${index}\n`);
    await server.advance(2);
  }
  await server.settle();
  const heard = clients.map((client) => client.received.toString().split('\n').slice(1, -1));
  for (const [index, lines] of heard.entries()) {
    const author = (index + clients.length - 1) % clients.length;
    for (let letter = 0; letter < LETTERS; letter++)
      if (heard[author]!.includes(`posted ${letter}-of-${author} true`))
        expect(lines).to.include(`letter ${letter}-of-${author}`);
    for (const line of lines)
      expect(line).to.match(/^(posted \d+-of-\d+ (true|false)|letter \d+-of-\d+|a task worker leaves)$/);
  }
  const [closer, closed] = clients;
  const already = closer!.received.length;
  closer!.send(`close ${ids[1]}\n`);
  await server.settle();
  if (!/^true$/m.test(closer!.received.toString('utf8', already))) return;
  await closed!.ended();
  closed!.end();
}

/** One client hangs its handlers, one waits for its own reset, one has nothing to do with either. */
async function fallSick(server: SimulatedServer): Promise<void> {
  const [sick, gone, well] = [await server.connect(), await server.connect(), await server.connect()];
  sick.send('one\nlate\nnever\n');
  gone.send('wait\nfollow\ntwo\n');
  for (let line = 0; line < 10; line++) {
    well.send(`${line}\n`);
    await server.advance(20);
  }
  gone.reset();
  expect((await well.receive(20)).toString()).to.equal('0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n');
  const door = await server.connect({ listener: 'doors' });
  await sick.closed();
  await door.closed();
  expect(sick.received.toString()).not.to.match(/never/);
  well.end();
  await well.ended();
}

/** One client says something every 2 s and stays, one is silent and is closed. */
async function keepBusy(server: SimulatedServer): Promise<void> {
  const [busy, silent] = [await server.connect(), await server.connect()];
  for (let second = 0; second < 8; second += 2) {
    busy.send(`${second}\n`);
    await server.advance(2_000);
  }
  expect(busy.received.toString()).to.equal('0\n2\n4\n6\n');
  await silent.ended();
}

/** Clients come, go, and come again, some of them beyond a limit; who was let in is served. */
async function crowd(server: SimulatedServer): Promise<void> {
  const clients: TestClient[] = [];
  for (let count = 0; count < 16; count++) {
    const listener = ['any', 'few', 'slow', 'timed'][count % 4]!;
    const client = await server.connect({ listener, from: `10.0.0.${count % 3}` });
    clients.push(client);
    client.send(`${count}\n`);
    if (count % 5 === 4) clients[count - 3]!.end();
    await server.advance(count * 10);
  }
  for (const [count, client] of clients.entries())
    expect([`${count}\n`, '']).to.include(client.received.toString());
  await server.settle();
  expect((await server.stats()).connections).to.be.at.most(6);
}

/** A stop in the middle of everything: what the server has taken is answered, then the connections end. */
async function stopAmid(server: SimulatedServer): Promise<void> {
  const clients = [await server.connect(), await server.connect()];
  for (const client of clients) client.send(lines(client, 0, LINES));
  await server.advance(30);
  await server.stop();
  for (const client of clients) {
    const taken = client.received.toString();
    expect(lines(client, 0, LINES).startsWith(taken)).to.equal(true);
    expect(taken.endsWith('\n') || taken === '').to.equal(true);
  }
}
