import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { check } from '@shoal/cli/internal/check';
import type { Plan } from '@shoal/core/internal/pipe/plan';
import { endAll, program, shoal } from './command.js';

describe('shoal check', () => {
  afterEach(endAll);

  it('prints the processes, the listeners and who serves which event', async () => {
    const { code, stdout, stderr } = await shoal(['check', program('echo'), '9501']);
    expect(code).to.equal(0);
    expect(stdout).to.match(/^checked: the configuration is valid\n/);
    const rows = stdout.split('\n').map((line) => line.trim().replace(/ {2,}/, ' | '));
    expect(rows).to.include.members([
      'master | 1, with 1 reactor thread',
      'manager | 1',
      'worker | 2, dispatch fixed',
      'task worker | 1',
      'user process | sweeper',
      'together | 6',
      'listener lines',
      'address | tcp 127.0.0.1:9501',
      'framing | delimiter, packets of at most 2_097_152 bytes',
      "OnConnect | on('connect')",
      'listener admin',
      'address | tcp 127.0.0.1:a free port',
      "OnReceive | on('receive')",
      "OnWorkerStart | on('workerStart')",
      "OnCommand | on('command', 'count'), 'count' on the master",
      'user process sweeper',
      'runs | a function',
      "OnWorkerStop | on('workerStop')",
      "OnCommand | on('command', 'sweep'), 'sweep'",
    ]);
    expect(stderr).to.equal('the program was loaded\n');
  });

  it('binds no port and makes no runtime directory', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'shoal-check-'));
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    try {
      const { port } = taken.address() as AddressInfo;
      const { code, stdout } = await shoal(['check', program('echo'), String(port)], {
        XDG_RUNTIME_DIR: directory,
      });
      expect(code).to.equal(0);
      expect(stdout).to.include(`tcp 127.0.0.1:${port}`);
      expect(readdirSync(directory)).to.deep.equal([]);
    } finally {
      taken.close();
      rmSync(directory, { recursive: true });
    }
  });

  it('prints the plan as JSON with every setting filled in', async () => {
    const { code, stdout } = await shoal(['check', '--json', program('echo')]);
    expect(code).to.equal(0);
    const { settings, topology, listeners } = JSON.parse(stdout) as Plan;
    expect(settings).to.include({ name: 'checked', workerNum: 2, maxWaitTime: 10_000 });
    expect(topology).to.deep.equal({ kind: 'process', processes: 6, reactors: [[0, 1]] });
    expect(listeners.map(({ name }) => name)).to.deep.equal(['lines', 'admin']);
  });

  it('leaves with 78 and lists every setting that does not hold', async () => {
    const { code, stdout, stderr } = await shoal(['check', program('invalid-settings')]);
    expect(code).to.equal(78);
    expect(stdout).to.equal('');
    expect(stderr).to.include('CONFIG_INVALID: the configuration has 2 problems:');
    expect(stderr).to.include('listeners[0].port: 95010').and.to.include('heartbeatIdleTime: 60');
  });

  it('leaves with 78 and lists every handler that does not fit the settings', async () => {
    const { code, stderr } = await shoal(['check', program('invalid-handlers')]);
    expect(code).to.equal(78);
    expect(stderr).to.include('listener lines has no @OnReceive');
    expect(stderr).to.include("on('connect') would never run: dispatchMode 'roundRobin'");
  });

  it('leaves with 78 when a framing module cannot be loaded', async () => {
    const { code, stderr } = await shoal(['check', program('missing-framing')]);
    expect(code).to.equal(78);
    expect(stderr).to.include('CONFIG_FRAMING_MODULE').and.to.include('there-is-none.js');
  });

  it('leaves with 78 when a dispatch module does not fit the mode', async () => {
    const { code, stderr } = await shoal(['check', program('other-dispatch')]);
    expect(code).to.equal(78);
    expect(stderr).to.include('CONFIG_DISPATCH_MODULE').and.to.include('exports sticky = false');
  });

  it('says so when the program starts no server', async () => {
    const { code, stderr } = await shoal(['check', program('leaves-with'), '0']);
    expect(code).to.equal(78);
    expect(stderr).to.include('the program has ended without starting a server');
  });

  it('passes on the exit code of a program that fails before its start', async () => {
    const { code, stderr } = await shoal(['check', program('throws')]);
    expect(code).to.equal(1);
    expect(stderr).to.include('Error: thrown while loading');
    expect(stderr).to.include('shoal: the program left with exit code 1 before it started a server');
  });

  it('gives up on a program that never comes to its start', async () => {
    const result = await check(program('waits-for-ever'), [], 200);
    expect(result).to.deep.equal({
      exitCode: 78,
      reason: 'the program has not come to start a server within 200 ms: see what its top level waits for',
    });
  });
});
