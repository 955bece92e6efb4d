import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { NodeFiles } from '@shoal/core/internal/platform/node/files';
import { deadServer } from './dead-server.js';

describe('Files for large payloads', () => {
  const files = new NodeFiles();
  let place = '';
  beforeEach(() => (place = mkdtempSync(join(tmpdir(), 'shoal-test-'))));
  afterEach(() => rmSync(place, { recursive: true }));

  it("are their user's alone, and come back as they were", async () => {
    const path = join(place, 'w1-1.task');
    const content = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => index));
    await files.writeSpool(path, content);
    expect(statSync(path).mode & 0o777).to.equal(0o600);
    expect(content.equals(await files.readSpool(path))).to.equal(true);
    await files.writeSpool(join(place, 'text'), 'grün');
    expect(String(await files.readSpool(join(place, 'text')))).to.equal('grün');
    expect(files.list(place)).to.have.members(['w1-1.task', 'text']);
    await files.discard(path);
    await files.discard(path);
    expect(files.list(place)).to.deep.equal(['text']);
    expect(files.list(join(place, 'missing'))).to.deep.equal([]);
  });

  it('never replace one that is there, and are not made where there is no place', async () => {
    const path = join(place, 'w1-1.task');
    await files.writeSpool(path, 'first');
    expect(await codeOf(files.writeSpool(path, 'second'))).to.equal('EEXIST');
    expect(String(await files.readSpool(path))).to.equal('first');
    expect(await codeOf(files.writeSpool(join(place, 'missing', 'x'), ''))).to.equal('ENOENT');
    expect(await codeOf(files.readSpool(join(place, 'missing')))).to.equal('ENOENT');
  });

  it('lie in a directory with mode 0700 that says whose it is', async () => {
    const path = join(place, 'shoal-a1b2c3.spool');
    await files.makeSpoolDirectory(path, place);
    expect(statSync(path).mode & 0o777).to.equal(0o700);
    expect(readdirSync(path)).to.deep.equal(['owner']);
    expect(await codeOf(files.makeSpoolDirectory(path, place))).to.equal('CONFIG_TASK_TMPDIR');
    const nowhere = join(place, 'missing', 'shoal-a1b2c3.spool');
    expect(await codeOf(files.makeSpoolDirectory(nowhere, place))).to.equal('CONFIG_TASK_TMPDIR');
  });

  it('are swept by the next server when theirs is dead, and never when it may live', async () => {
    const dead = await deadServer(place);
    const young = await deadServer(place, 'young');
    const begun = mkdtempSync(join(place, 'shoal-'));
    const living = mkdtempSync(join(place, 'shoal-'));
    const socket = createServer((client) => client.destroy()).listen(join(living, 'control.sock'));
    await once(socket, 'listening');
    utimesSync(join(living, 'control.sock'), new Date(0), new Date(0));
    const spools = {
      gone: spool('shoal-gone00', join(place, 'shoal-gone00')),
      dead: spool('shoal-dead00', dead),
      young: spool('shoal-young0', young),
      begun: spool('shoal-begun0', begun),
      living: spool('shoal-living', living),
      elsewhere: spool('shoal-elsewh', join(place, 'shoal-elsewh'), 'another-host'),
      beingMade: spool('shoal-making'),
      neverMade: spool('shoal-never0', undefined, undefined, 'old'),
      notOurs: spool('other-gone00', join(place, 'other-gone00')),
    };
    await files.makeSpoolDirectory(join(place, 'shoal-next00.spool'), '/run/shoal-next00');
    socket.close();
    const left = Object.entries(spools).filter(([, path]) => existsSync(path));
    expect(left.map(([name]) => name)).to.deep.equal([
      'young',
      'begun',
      'living',
      'elsewhere',
      'beingMade',
      'notOurs',
    ]);
  });

  function spool(name: string, owner?: string, host = hostname(), age?: 'old'): string {
    const path = join(place, `${name}.spool`);
    mkdirSync(path);
    if (owner !== undefined) writeFileSync(join(path, 'owner'), `${host}\n${owner}\n`);
    if (age === 'old') utimesSync(path, new Date(0), new Date(0));
    return path;
  }
});

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    ({ code }: { code: string }) => code,
  );
}
