import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { expect } from 'chai';
import type { ByteStream } from '@shoal/core/internal/platform/platform';
import { NodePipes } from '@shoal/core/internal/platform/node/pipes';
import { until } from './deadlines.js';
import { Recorder } from './recorder.js';

const pipes = new NodePipes({ write: () => {} });

describe('NodePipes', function () {
  this.timeout(10_000);
  const streams: ByteStream[] = [];
  const closers: (() => Promise<void>)[] = [];
  let directory = '';

  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'shoal-test-'))));
  afterEach(async () => {
    for (const stream of streams.splice(0)) stream.destroy();
    await Promise.all(closers.splice(0).map((close) => close()));
    rmSync(directory, { recursive: true });
  });

  async function listen(path: string): Promise<Recorder[]> {
    const accepted: Recorder[] = [];
    const { close } = await pipes.listen(path, (stream) => {
      streams.push(stream);
      accepted.push(new Recorder(stream));
    });
    closers.push(close);
    return accepted;
  }

  async function connect(path: string): Promise<Recorder> {
    const stream = await pipes.connect(path);
    streams.push(stream);
    return new Recorder(stream);
  }

  it('carries bytes both ways, and each end in its own time', async () => {
    const path = join(directory, 'pipe');
    const accepted = await listen(path);
    const near = await connect(path);
    await until('it is accepted', () => accepted.length === 1);
    const far = accepted[0]!;

    near.stream.write(Buffer.from('there'));
    near.stream.end();
    await far.has('end');
    far.stream.writeAll([Buffer.from('and '), Buffer.from('back')]);
    far.stream.end();
    await near.has('close');
    await far.has('close');
    expect(far.bytes.toString()).to.equal('there');
    expect(near.bytes.toString()).to.equal('and back');
    expect([near.failure, far.failure]).to.deep.equal([undefined, undefined]);
  });

  for (const gone of ['the one that connected', 'the one that accepted'])
    it(`reads what ${gone} had written, also when a write to it has failed before`, async () => {
      const path = join(directory, 'pipe');
      const accepted = await listen(path);
      const connected = await connect(path);
      await until('it is accepted', () => accepted.length === 1);
      const [leaver, reader] =
        gone === 'the one that connected' ? [connected, accepted[0]!] : [accepted[0]!, connected];
      reader.stream.write(Buffer.from('unread'));
      leaver.stream.write(Buffer.from('last words'));
      leaver.stream.destroy();
      reader.stream.write(Buffer.from('in vain'));
      reader.stream.write(Buffer.from('as well'));
      await reader.has('close');
      expect(reader.bytes.toString()).to.equal('last words');
      reader.stream.write(Buffer.from('too late'));
      expect(reader.told.at(-1)).to.equal('close');
    });

  it('tells what happened before a stream was started', async () => {
    const path = join(directory, 'pipe');
    const accepted = await listen(path);
    const [ended, closed] = [await pipes.connect(path), await pipes.connect(path)];
    streams.push(ended);
    await until('both are accepted', () => accepted.length === 2);
    closed.destroy();
    for (const each of accepted) {
      each.stream.destroy();
      await each.has('close');
    }
    // One more turn through a pipe of its own: what happened to the others is known by then.
    const other = await connect(path);
    await until('it is accepted', () => accepted.length === 3);
    accepted[2]!.stream.write(Buffer.from('later'));
    await other.received('later');

    const [first, second] = [new Recorder(ended), new Recorder(closed)];
    await second.has('close');
    expect(second.told).to.deep.equal(['close']);
    await first.has('end');
    ended.end();
    await first.has('close');
    expect(first.told).to.deep.equal(['end', 'close']);
  });

  it('stops listening while connections stay open, and removes the socket', async () => {
    const path = join(directory, 'pipe');
    const accepted = await listen(path);
    const near = await connect(path);
    await until('it is accepted', () => accepted.length === 1);
    await closers.pop()!();
    expect(existsSync(path)).to.equal(false);
    near.stream.write(Buffer.from('still open'));
    await accepted[0]!.received('still open');
  });

  it('rejects when nobody listens', async () => {
    expect(await failureOf(pipes.connect(join(directory, 'nobody')))).to.have.property('code', 'ENOENT');
  });

  it('rejects when the path is taken', async () => {
    const path = join(directory, 'pipe');
    await listen(path);
    expect(await failureOf(listen(path))).to.have.property('code', 'EADDRINUSE');
  });

  it('takes a path of exactly 100 bytes and refuses one byte more, on either side', async () => {
    const longest = join(directory, 'é'.repeat(20)).padEnd(80, 'p');
    const exact = longest + 'p'.repeat(100 - Buffer.byteLength(longest));
    expect(Buffer.byteLength(exact)).to.equal(100);
    const accepted = await listen(exact);
    expect(statSync(exact).isSocket()).to.equal(true);
    await connect(exact);
    await until('it is accepted', () => accepted.length === 1);

    for (const attempt of [listen(`${exact}p`), connect(`${exact}p`)]) {
      const failure = await failureOf(attempt);
      expect(failure).to.include({ name: 'ConfigError', code: 'CONFIG_RUNTIME_DIRECTORY' });
      expect((failure as Error).message).to.include('has 101');
    }
  });
});

function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}
