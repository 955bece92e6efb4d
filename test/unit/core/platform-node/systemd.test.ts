import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { LogRecord } from '@shoal/core/internal/platform/platform';
import { Systemd } from '@shoal/core/internal/platform/node/systemd';

describe('Systemd', () => {
  const path = process.env['PATH'];
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'shoal-notify-'));
    process.env['PATH'] = `${directory}:${path}`;
  });
  afterEach(() => {
    process.env['PATH'] = path;
    rmSync(directory, { recursive: true, force: true });
  });
  const program = (script: string): void => {
    writeFileSync(join(directory, 'systemd-notify'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(directory, 'systemd-notify'), 0o755);
  };

  it('tells one thing after the other, however long each takes', async () => {
    // The first takes the longest.
    program(`case "$1" in READY=1) sleep 0.3;; esac; echo "$@" >> ${directory}/news`);
    const systemd = new Systemd({ write: () => {} }, '/run/notify');
    const told = [
      systemd.notify('ready', 'serves'),
      systemd.notify('reloading', 'replaces its workers'),
      systemd.notify('stopping', 'stops'),
    ];
    await Promise.all(told);
    const news = readFileSync(join(directory, 'news'), 'utf8').trim().split('\n');
    expect(news[0]).to.equal('READY=1 STATUS=serves');
    expect(news[1]).to.match(/^RELOADING=1 STATUS=replaces its workers MONOTONIC_USEC=\d+$/);
    expect(news[2]).to.equal('STOPPING=1 STATUS=stops');
    expect(news).to.have.length(3);
  });

  it('tells nobody where nobody asked for it', async () => {
    program(`echo "$@" >> ${directory}/news`);
    const records: LogRecord[] = [];
    for (const socket of [undefined, '']) {
      await new Systemd({ write: (record) => records.push(record) }, socket).notify('ready', 'serves');
    }
    expect(() => readFileSync(join(directory, 'news'))).to.throw('ENOENT');
    expect(records).to.deep.equal([]);
  });

  it('complains once of a program that fails', async () => {
    program('exit 1');
    const records: LogRecord[] = [];
    const systemd = new Systemd({ write: (record) => records.push(record) }, '/run/notify');
    await systemd.notify('ready', 'serves');
    await systemd.notify('stopping', 'stops');
    expect(records.map(({ level }) => level)).to.deep.equal(['warn']);
  });

  it('goes on without a program that does not end, and says so once', async () => {
    // What it starts outlives it, and holds its output open.
    program('trap "" TERM\nsleep 20');
    const records: LogRecord[] = [];
    const systemd = new Systemd({ write: (record) => records.push(record) }, '/run/notify', 200);
    await Promise.all([
      systemd.notify('reloading', 'replaces its workers'),
      systemd.notify('stopping', 'stops'),
    ]);
    expect(records).to.have.length(1);
    expect(records[0]!.message).to.match(/systemd-notify has not ended within 200 ms/);
  }).timeout(10_000);
});
