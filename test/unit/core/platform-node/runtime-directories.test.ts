import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { NodeFiles } from '@shoal/core/internal/platform/node/files';
import {
  removeIfAbandoned,
  runtimeDirectories,
} from '@shoal/core/internal/platform/node/runtime-directories';
import { deadServer } from './dead-server.js';

describe('Runtime directories', () => {
  let place = '';
  const servers: net.Server[] = [];

  beforeEach(() => (place = mkdtempSync(join(tmpdir(), 'shoal-test-'))));
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
    rmSync(place, { recursive: true });
  });

  /** As a server that lives has it, for a while already. */
  async function livingServer(...names: string[]): Promise<string> {
    const directory = mkdtempSync(join(place, 'shoal-'));
    for (const name of names) {
      const server = net.createServer((socket) => socket.destroy()).listen(join(directory, name));
      servers.push(server);
      await once(server, 'listening');
      utimesSync(join(directory, name), new Date(0), new Date(0));
    }
    return directory;
  }

  it('are those that servers have made, and nothing that has another name or is a file', async () => {
    const made = await new NodeFiles().makeRuntimeDirectory(place, 'shoal');
    mkdirSync(join(place, 'shoal-program-x1y2z3'));
    mkdirSync(join(place, 'other-x1y2z3'));
    writeFileSync(join(place, 'shoal-x1y2z3'), '');
    expect(await runtimeDirectories(place)).to.deep.equal([made]);
    expect(await runtimeDirectories(join(place, 'missing'))).to.deep.equal([]);
  });

  it('are removed by the next server when their own was killed, and by nobody while it lives', async () => {
    const dead = await deadServer(place);
    const living = await livingServer('control.sock');
    // One whose master died, and in which a worker listens still.
    const half = await deadServer(place);
    const worker = net.createServer().listen(join(half, 'w0.sock'));
    servers.push(worker);
    await once(worker, 'listening');
    utimesSync(join(half, 'w0.sock'), new Date(0), new Date(0));
    const begun = await livingServer();
    const made = await new NodeFiles().makeRuntimeDirectory(place, 'shoal');
    expect(existsSync(dead)).to.equal(false);
    expect([living, half, begun, made].map((directory) => existsSync(directory))).to.deep.equal([
      true,
      true,
      true,
      true,
    ]);
  });

  it('are not believed to be abandoned while their socket is young', async () => {
    const young = await deadServer(place, 'young');
    expect(await removeIfAbandoned(young)).to.equal(false);
    utimesSync(join(young, 'control.sock'), new Date(0), new Date(0));
    expect(await removeIfAbandoned(young)).to.equal(true);
    expect(await removeIfAbandoned(young)).to.equal(false);
  });
});
