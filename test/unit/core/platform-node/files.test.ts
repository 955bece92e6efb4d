import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { expect } from 'chai';
import { NodeFiles } from '@shoal/core/internal/platform/node/files';

const files = new NodeFiles();

describe('NodeFiles', () => {
  const runtime = process.env['XDG_RUNTIME_DIR'];
  let place = '';

  beforeEach(() => (place = mkdtempSync(join(tmpdir(), 'shoal-test-'))));
  afterEach(() => {
    rmSync(place, { recursive: true });
    if (runtime === undefined) delete process.env['XDG_RUNTIME_DIR'];
    else process.env['XDG_RUNTIME_DIR'] = runtime;
  });

  it('makes a new directory below the parent each time, for its owner alone', async () => {
    const first = await files.makeRuntimeDirectory(place, 'shoal');
    const second = await files.makeRuntimeDirectory(place, 'shoal');
    expect(first).to.not.equal(second);
    for (const path of [first, second]) {
      expect(dirname(path)).to.equal(place);
      expect(basename(path)).to.match(/^shoal-/);
      expect(statSync(path).mode & 0o777).to.equal(0o700);
    }
  });

  it('reads a text once, and none that is not there', () => {
    const path = join(place, 'text');
    writeFileSync(path, 'some text');
    expect(files.takeText(path)).to.equal('some text');
    expect(existsSync(path)).to.equal(false);
    expect(files.takeText(path)).to.equal(undefined);
    expect(files.takeText(place)).to.equal(undefined);
  });

  it('keeps the directory below the parent whatever the name', async () => {
    const path = await files.makeRuntimeDirectory(place, '../my app');
    expect(dirname(path)).to.equal(place);
    expect(basename(path)).to.match(/^\.\.-my-app-/);
  });

  it('uses the runtime directory of the user, or the one for temporary files when there is none', async () => {
    process.env['XDG_RUNTIME_DIR'] = place;
    expect(dirname(await files.makeRuntimeDirectory(undefined, 'shoal'))).to.equal(place);

    for (const missing of ['', join(place, 'missing')]) {
      process.env['XDG_RUNTIME_DIR'] = missing;
      const path = await files.makeRuntimeDirectory(undefined, 'shoal');
      files.removeDirectory(path);
      expect(dirname(path)).to.equal(tmpdir());
    }
  });

  it('names the directory in which it cannot make one', async () => {
    const parent = join(place, 'missing');
    const failure = await files.makeRuntimeDirectory(parent, 'shoal').catch((error: unknown) => error);
    expect(failure).to.include({ name: 'ConfigError', code: 'CONFIG_RUNTIME_DIRECTORY' });
    expect((failure as Error).message)
      .to.include(parent)
      .and.include('ENOENT');
    expect((failure as Error).cause).to.have.property('code', 'ENOENT');
  });

  it('refuses a directory that did not come out private, and removes it', async () => {
    const umask = process.umask(0o100);
    try {
      const failure = await files.makeRuntimeDirectory(place, 'shoal').catch((error: unknown) => error);
      expect(failure).to.include({ name: 'ConfigError', code: 'CONFIG_RUNTIME_DIRECTORY' });
      expect((failure as Error).message).to.include('mode 600');
    } finally {
      process.umask(umask);
    }
    expect(readdirSync(place)).to.deep.equal([]);
  });

  it('removes a directory with what is in it, and does not mind one that is missing or no path at all', () => {
    const path = join(place, 'full');
    mkdirSync(join(path, 'deep'), { recursive: true });
    writeFileSync(join(path, 'deep', 'file'), 'content');
    files.removeDirectory(path);
    expect(existsSync(path)).to.equal(false);
    files.removeDirectory(path);
    files.removeDirectory('not\0a path');
  });
});
