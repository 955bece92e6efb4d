import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { CommandError } from '@shoal/cli/internal/command-error';
import { ControlClient } from '@shoal/cli/internal/control/control-client';
import { findServer, type Target } from '@shoal/cli/internal/control/find-servers';
import { UsageError } from '@shoal/cli/internal/usage-error';
import { deadServer } from '../core/platform-node/dead-server.js';
import { closeFakes, FakeServer, makePlace } from './fake-server.js';

describe('Finding a server', () => {
  let place = '';

  beforeEach(() => (place = makePlace()));
  afterEach(closeFakes);

  async function find(target: Target = {}): Promise<{ name: string; pid: number }> {
    const client = await findServer({ runtimeDirectory: place, ...target });
    client.close();
    return client.greeting;
  }

  async function failure(target: Target = {}): Promise<{ exitCode?: number; message: string }> {
    return find(target).then(
      () => expect.fail('a server was found'),
      (error: unknown) => error as CommandError,
    );
  }

  const silent = (): void => {};
  const pidFile = (text: string): string => {
    const path = join(place, 'pid');
    writeFileSync(path, text);
    return path;
  };

  it('takes the only one that runs', async () => {
    await FakeServer.start(place, silent);
    expect(await find()).to.include({ name: 'fake', pid: process.pid });
  });

  it('takes the one of that name, pid or pid file', async () => {
    await FakeServer.start(place, silent, { name: 'chat', pid: 11 }, 'aaaaaa');
    await FakeServer.start(place, silent, { name: 'mail', pid: 12 }, 'bbbbbb');
    expect(await find({ server: 'mail' })).to.include({ pid: 12 });
    expect(await find({ server: '11' })).to.include({ name: 'chat' });
    expect(await find({ pidFile: pidFile('12\n') })).to.include({ name: 'mail' });
  });

  it('lists several when none is named, and when several have the name', async () => {
    await FakeServer.start(place, silent, { name: 'chat', pid: 11 }, 'aaaaaa');
    await FakeServer.start(place, silent, { name: 'chat', pid: 12 }, 'bbbbbb');
    for (const target of [{}, { server: 'chat' }]) {
      const error = await failure(target);
      expect(error).to.be.instanceOf(UsageError);
      expect(error.message.split('\n')).to.deep.equal([
        'several servers run here; name one by its pid:',
        '  11       chat  /srv/fake.js',
        '  12       chat  /srv/fake.js',
      ]);
    }
  });

  it('says that none runs, and which do when another was named', async () => {
    expect(await failure()).to.include({ exitCode: 83, message: `no server runs below ${place}` });
    await FakeServer.start(place, silent);
    const error = await failure({ server: 'chat' });
    expect(error.exitCode).to.equal(83);
    expect(error.message).to.match(/^no server chat runs below .*; those that run:\n {2}\d+ +fake/);
  });

  it('says that a pid file is missing, empty, stale or of another process', async () => {
    const missing = join(place, 'none');
    expect(await failure({ pidFile: missing })).to.include({
      exitCode: 83,
      message: `no server runs: there is no pid file ${missing}`,
    });
    for (const text of ['', 'chat', '-1', '12 13', '0']) {
      expect((await failure({ pidFile: pidFile(text) })).message).to.match(
        /^no server runs: there is no pid in /,
      );
    }
    const gone = spawn(process.execPath, ['-e', '']);
    await once(gone, 'exit');
    expect((await failure({ pidFile: pidFile(String(gone.pid)) })).message).to.equal(
      `no server runs: ${join(place, 'pid')} is stale, there is no process ${gone.pid}`,
    );
    expect((await failure({ pidFile: pidFile(String(process.pid)) })).message).to.include(
      `names process ${process.pid}, which is no server below ${place}`,
    );
  });

  it('tidies away a server that was killed, and leaves one that begins', async () => {
    const dead = await deadServer(place);
    const young = await deadServer(place, 'young');
    const begins = join(place, 'shoal-zzzzzz');
    mkdirSync(begins);
    expect((await failure()).exitCode).to.equal(83);
    expect([dead, young, begins].map((path) => existsSync(path))).to.deep.equal([false, true, true]);
  });

  it('names a server that does not answer, or speaks something else, and finds the others', async () => {
    await FakeServer.start(place, silent, 'SSH-2.0-OpenSSH\n', 'aaaaaa');
    await FakeServer.start(place, silent, '{"shoal":2,"name":"later","pid":1}\n', 'bbbbbb');
    await FakeServer.start(place, silent, '{"shoal":1}\n', 'cccccc');
    const refusal = {
      shoal: 1,
      error: { name: 'ProcessError', code: 'CONTROL_FULL', message: 'it is full' },
    };
    await FakeServer.start(place, silent, `${JSON.stringify(refusal)}\n`, 'dddddd');
    const { message } = await failure();
    expect(message).to.include('shoal-aaaaaa/control.sock speaks another language');
    expect(message).to.include('shoal-bbbbbb/control.sock speaks version 2 of this protocol');
    expect(message).to.include('shoal-cccccc/control.sock speaks another language');
    expect(message).to.include('it is full');
    await FakeServer.start(place, silent, {}, 'eeeeee');
    expect(await find()).to.include({ name: 'fake' });
  });

  it('gives up on a greeting that does not come', async () => {
    await FakeServer.start(place, silent, '');
    const path = join(place, 'shoal-aaaaaa', 'control.sock');
    const error = await ControlClient.connect(path, 50).catch((reason: Error) => reason);
    expect(error).to.be.instanceOf(Error).with.property('message', `the server at ${path} does not answer`);
  });
});
