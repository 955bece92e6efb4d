import { mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ControlSocket } from '@shoal/core/internal/control/control-socket';
import { controlLimits, type Greeting } from '@shoal/core/internal/control/protocol';
import type { WireError } from '@shoal/core/internal/errors';
import type { Ask } from '@shoal/core/internal/pipe/questions';
import { NodeClock } from '@shoal/core/internal/platform/node/clock';
import { NodePipes } from '@shoal/core/internal/platform/node/pipes';
import type { LogRecord } from '@shoal/core/internal/platform/platform';
import { World } from '@shoal/testing/internal/world/world';
import { keptLog } from '../log-lines.js';
import { until } from '../platform-node/deadlines.js';

const greeting: Greeting = {
  shoal: 1,
  name: 'chat',
  pid: 7,
  version: '0.0.1',
  program: { execPath: 'node', execArgv: [], argv: ['main.js'], cwd: '/' },
};

/** A raw client that keeps what it reads. */
class Client {
  text = '';
  closed = false;

  constructor(readonly socket: net.Socket) {
    socket.setEncoding('utf8').on('data', (text: string) => (this.text += text));
    socket.on('error', () => {});
    // The server's end is the end: it has destroyed its side.
    socket.on('end', () => socket.destroy());
    socket.on('close', () => (this.closed = true));
  }

  get lines(): unknown[] {
    return this.text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as unknown);
  }

  send(...requests: object[]): void {
    this.socket.write(requests.map((request) => `${JSON.stringify(request)}\n`).join(''));
  }
}

const stats = (id: number): object => ({ id, question: { what: 'stats' } });

describe('The control socket', function () {
  this.timeout(10_000);
  let directory = '';
  let path = '';
  let log: readonly LogRecord[] = [];
  let socket: ControlSocket | undefined;
  let clients: Client[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'shoal-test-'));
    path = join(directory, 'control.sock');
  });
  afterEach(async () => {
    for (const client of clients) client.socket.destroy();
    clients = [];
    await socket?.close();
    rmSync(directory, { recursive: true });
  });

  async function open(ask: Ask): Promise<ControlSocket> {
    const { logger, lines } = keptLog();
    log = lines;
    const pipes = new NodePipes({ write: () => {} });
    socket = new ControlSocket({ pipes, clock: new NodeClock(), logger, path, greeting, ask });
    await socket.open();
    return socket;
  }

  async function connect(): Promise<Client> {
    const client = new Client(net.connect({ path, allowHalfOpen: true }));
    clients.push(client);
    await once(client.socket, 'connect');
    return client;
  }

  async function greeted(): Promise<Client> {
    const client = await connect();
    await until('it is greeted', () => client.lines.length === 1);
    return client;
  }

  const echo: Ask = async (question) => question;
  const never: Ask = () => new Promise(() => {});

  it('greets, and answers requests by their ids', async () => {
    await open(echo);
    const client = await greeted();
    client.send({ id: 5, question: { what: 'status' } }, { id: 6, question: { what: 'clientInfo', id: 3 } });
    await until('two answers have come', () => client.lines.length === 3);
    expect(client.lines).to.deep.equal([
      greeting,
      { id: 5, answer: { what: 'status' } },
      { id: 6, answer: { what: 'clientInfo', id: 3 } },
    ]);
  });

  it('tells progress before the answer, to who asked', async () => {
    await open(async (_question, onProgress) => {
      onProgress({ step: 'canary', workerId: 0, pid: 9 });
      await Promise.resolve();
      onProgress({ step: 'accepted', workerId: 0, pid: 9 });
      return null;
    });
    const client = await greeted();
    const other = await greeted();
    client.send({ id: 1, question: { what: 'reload' } });
    await until('an answer has come', () => client.lines.length === 4);
    expect(client.lines.slice(1)).to.deep.equal([
      { id: 1, progress: { step: 'canary', workerId: 0, pid: 9 } },
      { id: 1, progress: { step: 'accepted', workerId: 0, pid: 9 } },
      { id: 1, answer: null },
    ]);
    expect(other.lines).to.have.length(1);
  });

  it('answers with the error, its code and cause', async () => {
    await open(() => Promise.reject(new Error('no', { cause: new Error('because') })));
    const client = await greeted();
    client.send(stats(1), { id: 2, question: { what: 'fly' } });
    await until('two answers have come', () => client.lines.length === 3);
    const errors = (client.lines.slice(1) as { id: number; error: WireError }[]).toSorted(
      (a, b) => a.id - b.id,
    );
    expect(errors.map(({ id, error: { message, code } }) => [id, code ?? message])).to.deep.equal([
      [1, 'no'],
      [2, 'ASK_UNKNOWN'],
    ]);
    expect(errors[0]!.error.cause).to.include({ message: 'because' });
  });

  it('answers a client that has finished writing, then ends', async () => {
    await open(echo);
    const client = await greeted();
    client.send(stats(1));
    client.socket.end();
    await until('it is closed', () => client.closed);
    expect(client.lines[1]).to.deep.equal({ id: 1, answer: { what: 'stats' } });
  });

  it(`has ${controlLimits.clients} clients, and tells one more why it is refused`, async () => {
    await open(echo);
    const all = await Promise.all(Array.from({ length: controlLimits.clients }, greeted));
    const refused = await greeted();
    await until('the refused one is closed', () => refused.closed);
    expect(refused.lines).to.have.length(1);
    expect(refused.lines[0]).to.have.nested.property('error.code', 'CONTROL_FULL');
    all[0]!.socket.destroy();
    await until('one has gone', () => all[0]!.closed);
    await untilAsync(async () => {
      const next = await greeted();
      return 'name' in (next.lines[0] as object);
    });
  });

  it(`keeps ${controlLimits.pendingRequests} requests of a client waiting, and cuts it off at one more`, async () => {
    await open(never);
    const patient = await greeted();
    const hasty = await greeted();
    const many = Array.from({ length: controlLimits.pendingRequests }, (_, id) => stats(id));
    patient.send(...many);
    hasty.send(...many, stats(64));
    await until('the hasty one is closed', () => hasty.closed);
    expect(patient.closed).to.equal(false);
    expect(log.map(({ message }) => message)).to.deep.equal([
      'closed a client of the control socket: more than 64 requests at once',
    ]);
  });

  it(`takes a request of ${controlLimits.requestBytes} bytes, and cuts off a client that sends one more`, async () => {
    await open(echo);
    const [fits, over] = [await greeted(), await greeted()];
    const padded = (length: number): string => JSON.stringify(stats(1)).padEnd(length, ' ');
    fits.socket.write(`${padded(controlLimits.requestBytes)}\n`);
    over.socket.write(padded(controlLimits.requestBytes + 1));
    await until('one is answered and the other closed', () => over.closed && fits.lines.length === 2);
    expect(fits.closed).to.equal(false);
    expect(over.lines).to.have.length(1);
  });

  it('cuts off clients that send garbage with one line of log, and touches nobody else', async () => {
    await open(echo);
    const good = await greeted();
    for (const garbage of ['GET / HTTP/1.1\r\n\r\n', '\n', '{"id":1}\n', '\0\xff\n']) {
      const bad = await greeted();
      bad.socket.write(garbage);
      await until('it is closed', () => bad.closed);
    }
    good.send(stats(1));
    await until('an answer has come', () => good.lines.length === 2);
    expect(log).to.have.length(1);
    expect(log[0]).to.include({
      level: 'warn',
      message: 'closed a client of the control socket: a line that is no request',
    });
  });

  it('drops a client that does not read once 1 MiB waits for it', async () => {
    const half = 'x'.repeat(controlLimits.waitingBytes / 2);
    await open(async () => half);
    const slow = await connect();
    slow.socket.pause();
    const good = await greeted();
    slow.send(...Array.from({ length: 10 }, (_, id) => stats(id)));
    await until('something is logged', () => log.length === 1);
    expect(log[0]!.message).to.equal('closed a client of the control socket: it does not read its answers');
    good.send(stats(1));
    await until('an answer has come', () => good.lines.length === 2);
  });

  it('tells those who wait that the server has stopped, and removes its name', async () => {
    let asked = false;
    const control = await open(() => {
      asked = true;
      return new Promise(() => {});
    });
    const client = await greeted();
    client.send(stats(1));
    await until('it has asked', () => asked);
    await control.close();
    await until('it is closed', () => client.closed);
    if (client.lines.length > 1)
      expect(client.lines[1]).to.have.nested.property('error.code', 'SHUTTING_DOWN');
    const late = net.connect({ path });
    const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).to.equal('ENOENT');
  });

  it('works in a simulated world', async () => {
    const world = new World({ seed: 3 });
    const heard: string[] = [];
    world.start((platform) => {
      const { pipes, clock, files, processes, self } = platform;
      if (self.assignment === undefined) {
        void (async () => {
          const place = await files.makeRuntimeDirectory(undefined, 'shoal');
          const control = `${place}/control.sock`;
          await new ControlSocket({
            pipes,
            clock,
            logger: keptLog().logger,
            path: control,
            greeting,
            ask: echo,
          }).open();
          processes.spawn({ control }, 'client');
        })();
        return;
      }
      const { control } = self.assignment as { control: string };
      void pipes.connect(control).then((stream) => {
        stream.start({
          data: (chunk) => heard.push(chunk.toString()),
          end: () => {},
          drain: () => {},
          close: () => {},
        });
        stream.write(Buffer.from(`${JSON.stringify(stats(4))}\n`));
      });
    });
    await world.until(
      () => heard.join('').split('\n').length === 3,
      () => 'an answer',
    );
    expect(JSON.parse(heard.join('').split('\n')[1]!)).to.deep.equal({ id: 4, answer: { what: 'stats' } });
    world.end();
  });
});

async function untilAsync(fact: () => Promise<boolean>): Promise<void> {
  while (!(await fact())) await new Promise((resolve) => setImmediate(resolve));
}
