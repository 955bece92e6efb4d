import { expect } from 'chai';
import { PidFile } from '@shoal/core/internal/kernel/pid-file';
import type { Platform } from '@shoal/core/internal/platform/platform';
import { simulate, World } from '@shoal/testing';
import { SyncEchoApp } from '../../fixtures/apps/echo.js';

/** Starts a world with one process that runs `body`, and gives what it threw. */
async function inProcess(world: World, body: (platform: Platform) => void): Promise<unknown> {
  let outcome: { thrown?: unknown } | undefined;
  world.start((platform) => {
    try {
      body(platform);
      outcome = {};
    } catch (thrown) {
      outcome = { thrown };
    }
  });
  await world.until(
    () => outcome !== undefined,
    () => 'the process to run',
  );
  return outcome?.thrown;
}

describe('A pid file in the simulated world', () => {
  const pidFile = '/run/echo.pid';

  it('holds the pid of the master until the end, in every mode', async () => {
    for (const settings of [
      {},
      { mode: 'base' },
      { mode: 'base', workerNum: 1, taskWorkerNum: 0 },
    ] as const) {
      const server = await simulate(SyncEchoApp, { settings: { ...settings, pidFile } });
      expect(server.world.readFile(pidFile)).to.equal(`${server.running.masterPid}\n`);
      const { world } = server;
      await server.stop();
      expect(world.readFile(pidFile)).to.equal(undefined);
    }
  });

  it('names the living server that it stands for, and is no obstacle without one', async () => {
    for (const [title, code] of [
      ['shoal other: master', 'CONFIG_PID_FILE'],
      ['another program', undefined],
    ] as const) {
      const world = new World();
      const thrown = await inProcess(world, (platform) => {
        const other = platform.processes.spawn({}, title);
        platform.files.write(pidFile, `${other.pid}\n`);
        new PidFile(platform, pidFile).check();
      });
      expect((thrown as { code?: string } | undefined)?.code).to.equal(code);
      world.end();
    }
  });

  it('that names this very process is stale, as after the restart of a container', async () => {
    const world = new World();
    const thrown = await inProcess(world, (platform) => {
      platform.self.setTitle('shoal echo: master');
      platform.files.write(pidFile, `${platform.self.pid}\n`);
      new PidFile(platform, pidFile).check();
    });
    expect(thrown).to.equal(undefined);
    expect(world.logs.map(({ message }) => message)).to.deep.equal([
      `${pidFile} is left over from a server that is gone, and will be overwritten`,
    ]);
    world.end();
  });

  it('is refused where nothing can be written', async () => {
    const world = new World();
    const thrown = await inProcess(world, (platform) => {
      world.forbidFiles('/run');
      new PidFile(platform, pidFile).check();
    });
    expect((thrown as { code?: string }).code).to.equal('CONFIG_PID_FILE');
    world.end();
  });
});
