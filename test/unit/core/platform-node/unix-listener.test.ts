import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { NodeNetwork } from '@shoal/core/internal/platform/node/network';
import type { BoundListener, ByteStream, Listener } from '@shoal/core/internal/platform/platform';
import { until } from './deadlines.js';

const network = new NodeNetwork({ write: () => {} });

describe('A unix listener of NodeNetwork', function () {
  this.timeout(15_000);
  let directory = '';
  const open: { close(): unknown }[] = [];
  const clients: Socket[] = [];

  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'shoal-unix-'))));
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    for (const each of open.splice(0)) await each.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function listen(path: string, mode = 0o660, accept = echo): Promise<Listener> {
    const listener = await network.listen({ path, mode, backlog: 16 }, accept);
    open.push(listener);
    return listener;
  }

  async function bind(path: string, mode = 0o660): Promise<BoundListener> {
    const bound = await network.bind({ path, mode, backlog: 16 });
    open.push(bound);
    return bound;
  }

  /** Sends, and gives what comes. */
  async function ask(path: string, text: string): Promise<string> {
    const client = connect(path);
    clients.push(client);
    let answer = '';
    client.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    client.write(text);
    await until(`the answer ${text}`, () => answer.length >= text.length);
    return answer;
  }

  /** As a process that is killed leaves it. */
  async function leaveStale(path: string): Promise<void> {
    const server = createServer();
    const aside = `${path}.x`;
    await new Promise<void>((resolve) => server.listen(aside, resolve));
    const { linkSync } = await import('node:fs');
    linkSync(aside, path);
    await new Promise((resolve) => server.close(resolve));
  }

  it('has its mode whatever the mask, tells its path, and leaves nothing beside it', async () => {
    const path = join(directory, 'a.sock');
    const mask = process.umask(0);
    try {
      const { endpoint } = await listen(path, 0o640);
      expect(endpoint).to.deep.equal({ address: path, port: 0 });
    } finally {
      process.umask(mask);
    }
    expect(statSync(path).mode & 0o777).to.equal(0o640);
    expect(readdirSync(directory)).to.deep.equal(['a.sock']);
    expect(await ask(path, 'hello')).to.equal('hello');
  });

  it('gives clients no address, and its path as the local one', async () => {
    const seen: ByteStream[] = [];
    const path = join(directory, 'a.sock');
    await listen(path, 0o660, (stream) => {
      seen.push(stream);
      echo(stream);
    });
    await ask(path, 'x');
    expect(seen[0]!.remote).to.deep.equal({ address: '', port: 0 });
    expect(seen[0]!.local).to.deep.equal({ address: path, port: 0 });
  });

  it('is gone when it closes, but not when another has its place', async () => {
    const path = join(directory, 'a.sock');
    await (await listen(path)).close();
    expect(existsSync(path)).to.equal(false);
    const first = await listen(path);
    rmSync(path);
    await listen(path);
    await first.close();
    expect(await ask(path, 'second')).to.equal('second');
  });

  it('replaces a socket on which nobody listens', async () => {
    const path = join(directory, 'a.sock');
    await leaveStale(path);
    expect(statSync(path).isSocket()).to.equal(true);
    await listen(path);
    expect(await ask(path, 'mine')).to.equal('mine');
    expect(readdirSync(directory)).to.deep.equal(['a.sock']);
  });

  it('refuses a path where somebody listens, and leaves that one alone', async () => {
    const path = join(directory, 'a.sock');
    await listen(path);
    const error = await failureOf(listen(path));
    expect(error).to.have.property('code', 'EADDRINUSE');
    expect(String(error)).to.include('another server listens there');
    expect(await ask(path, 'still')).to.equal('still');
    expect(readdirSync(directory)).to.deep.equal(['a.sock']);
  });

  it('lets one of two have the place that come at once', async () => {
    const path = join(directory, 'a.sock');
    await leaveStale(path);
    const outcomes = await Promise.all([1, 2, 3].map(async () => failureOf(listen(path))));
    const failures = outcomes.filter((outcome) => outcome !== undefined);
    expect(failures.map(({ code }) => code)).to.deep.equal(['EADDRINUSE', 'EADDRINUSE']);
    expect(await ask(path, 'one')).to.equal('one');
    expect(readdirSync(directory)).to.deep.equal(['a.sock']);
  });

  for (const [what, make] of Object.entries({
    'a file': (path: string) => writeFileSync(path, 'precious'),
    'a link': (path: string) => symlinkSync('/nowhere', path),
  })) {
    it(`refuses the path of ${what}`, async () => {
      const path = join(directory, 'a.sock');
      make(path);
      const error = await failureOf(listen(path));
      expect(error).to.have.property('code', 'EEXIST');
      expect(readdirSync(directory)).to.deep.equal(['a.sock']);
    });
  }

  it('says what the system says of a directory that is not there, or not ours', async () => {
    expect(await failureOf(listen(join(directory, 'no', 'a.sock')))).to.have.property('code', 'ENOENT');
    if (process.getuid?.() === 0) return;
    chmodSync(directory, 0o500);
    expect(await failureOf(listen(join(directory, 'a.sock')))).to.have.property('code', 'EACCES');
    chmodSync(directory, 0o700);
  });

  it('takes a path of 100 bytes, however long its directory is', async () => {
    const { mkdirSync } = await import('node:fs');
    const place = join(directory, 'd'.repeat(98 - directory.length - 1));
    mkdirSync(place);
    const path = join(place, 's');
    expect(Buffer.byteLength(path)).to.equal(100);
    await listen(path);
    expect(await ask(path, 'long')).to.equal('long');
  });

  it('is bound for other processes, and accepts once it is adopted, until its holder closes it', async () => {
    const path = join(directory, 'a.sock');
    const bound = await bind(path, 0o600);
    expect(statSync(path).mode & 0o777).to.equal(0o600);
    const early = ask(path, 'early');
    const listener = await network.adopt(bound, { path, mode: 0o600, backlog: 16 }, echo);
    expect(await early).to.equal('early');
    expect(await failureOf(bind(path))).to.have.property('code', 'EADDRINUSE');
    await listener.close();
    expect(existsSync(path), 'after a worker has closed it').to.equal(true);
    bound.close();
    open.splice(0);
    expect(existsSync(path)).to.equal(false);
  });
});

function echo(stream: ByteStream): void {
  stream.start({
    data: (chunk) => stream.write(chunk),
    end: () => stream.end(),
    drain: () => {},
    close: () => {},
  });
}

async function failureOf(work: Promise<unknown>): Promise<NodeJS.ErrnoException | undefined> {
  return work.then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error,
  );
}
