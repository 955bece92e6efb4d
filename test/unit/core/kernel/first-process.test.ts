import { expect } from 'chai';
import { CertificateFiles } from '@shoal/core/internal/kernel/certificate-files';
import { FirstProcess, type Plant } from '@shoal/core/internal/kernel/first-process';
import { ProcessContext } from '@shoal/core/internal/kernel/process-context';
import type { PlantReport } from '@shoal/core/internal/kernel/server-status';
import { addStats } from '@shoal/core/internal/pipe/stats';
import type { Ask, Question, ReloadReport, ServerStatus } from '@shoal/core/internal/pipe/questions';
import { topologyOf } from '@shoal/core/internal/topology/topology';
import { World } from '@shoal/testing/internal/world/world';
import { settingsOf } from '../settings.js';

const report: ReloadReport = { outcome: 'done', generation: 2, replaced: [], needRestart: [], duration: 1 };

const rest = { startedAt: '', generation: 1, current: true } as const;

/** A plant that does nothing until it is told to. */
class FakePlant implements Plant {
  readonly notes = [
    { role: 'worker', workerId: 0, pid: 70, incarnation: 1, state: 'ready', restarts: 2, ...rest },
    { role: 'worker', workerId: 1, pid: 0, incarnation: 2, state: 'down', restarts: 0, ...rest },
  ] as const;
  readonly managerPid = 60;
  readonly generation = 1;
  readonly asked: Question[] = [];
  readonly steps: string[] = [];
  started = (): void => {};
  reloaded = (_report: ReloadReport): void => {};
  report = async (): Promise<PlantReport> => ({
    stats: addStats([], []),
    workers: this.notes.map((note) => {
      const unknown = {
        role: 'worker',
        uptime: 0,
        vitals: null,
        requestsPerSecond: 0,
        lastCrash: null,
      } as const;
      return { ...note, ...unknown };
    }),
    connectionsOf: () => 0,
  });

  async bind(): Promise<void> {}

  renew(): void {
    this.steps.push('renew');
  }

  reopenLogs(): void {
    this.steps.push('reopenLogs');
  }

  start(): Promise<[{ address: string; port: number }]> {
    return new Promise((resolve) => (this.started = () => resolve([{ address: '127.0.0.1', port: 9 }])));
  }

  async stop(): Promise<void> {
    this.steps.push('stop');
  }

  kill(): void {
    this.steps.push('kill');
  }

  ask: Ask = (question, onProgress) => {
    this.asked.push(question);
    onProgress({ step: 'canary', workerId: 0, pid: 72 });
    return question.what === 'reload'
      ? new Promise((resolve) => (this.reloaded = resolve))
      : Promise.resolve(null);
  };
}

describe('The first process, asked', () => {
  let world: World;
  let plant: FakePlant;
  let first: FirstProcess;

  beforeEach(async () => {
    world = new World({ seed: 5 });
    plant = new FakePlant();
    const settings = settingsOf();
    let begun = false;
    world.start((platform) => {
      const definition = { name: 'test', settings: {}, handlers: [], timers: [] };
      const server = { binding: [Object, {}] as const, attach: () => {} };
      const { pid } = platform.self;
      const context = new ProcessContext({
        platform,
        definition,
        server,
        settings,
        roles: ['master'],
        workerId: -1,
        masterPid: pid,
        managerPid: () => 60,
        runtimeDirectory: '/run/shoal-test',
        userProcesses: [],
      });
      void platform.files.makeRuntimeDirectory(undefined, 'shoal').then((directory) => {
        first = new FirstProcess(
          platform,
          settings,
          topologyOf(settings, true),
          context,
          directory,
          undefined,
          undefined,
          new CertificateFiles(platform, settings, {}),
        );
        void first.start(plant, {});
        begun = true;
      });
    });
    await world.until(
      () => begun,
      () => 'the first process',
    );
  });
  afterEach(() => world.end());

  /** The answer, or the code of the error. */
  async function ask(question: Question): Promise<unknown> {
    let settled: { readonly value: unknown } | undefined;
    first
      .ask(question, () => {})
      .then(
        (value) => (settled = { value }),
        (error: { code?: string }) => (settled = { value: error.code }),
      );
    await world.until(
      () => settled !== undefined,
      () => `an answer to ${question.what}`,
    );
    return settled!.value;
  }

  async function stateNow(): Promise<string> {
    return ((await ask({ what: 'status' })) as ServerStatus).state;
  }

  async function serve(): Promise<void> {
    plant.started();
    await world.advance(1);
  }

  it('tells its state from the beginning to the end', async () => {
    const states = [await stateNow()];
    await serve();
    states.push(await stateNow());
    void first.ask({ what: 'reload' }, () => {});
    states.push(await stateNow());
    plant.reloaded(report);
    await world.advance(1);
    states.push(await stateNow());
    plant.stop = () => new Promise(() => {});
    void first.shutdown();
    await world.advance(1);
    states.push(await stateNow());
    expect(states).to.deep.equal(['starting', 'serving', 'reloading', 'serving', 'stopping']);
  });

  it('tells its processes as the notes have them', async () => {
    await serve();
    const { processes, listeners } = (await ask({ what: 'status' })) as ServerStatus;
    expect(listeners).to.have.length(1);
    const rows = processes.map(({ role, workerId, pid, state, restarts }) => [
      role,
      workerId,
      pid,
      state,
      restarts,
    ]);
    expect(rows).to.deep.equal([
      ['master', -1, 1_000, 'ready', 0],
      ['manager', -1, 60, 'ready', 0],
      ['worker', 0, 70, 'ready', 2],
      ['worker', 1, 0, 'down', 0],
    ]);
  });

  it('has a status within a second although nobody counts', async () => {
    plant.report = () => new Promise(() => {});
    const before = world.time;
    expect(await stateNow()).to.equal('starting');
    expect(world.time - before).to.be.within(1_000, 1_010);
  });

  it('stops after it has answered, and leaves', async () => {
    await serve();
    expect(await ask({ what: 'shutdown' })).to.equal(null);
    expect(plant.steps).to.deep.equal([]);
    await world.until(
      () => world.exits.has(1_000),
      () => 'its exit',
    );
    expect(plant.steps).to.deep.equal(['stop']);
    expect(world.exits.get(1_000)).to.deep.equal({ code: 0, signal: null });
    expect(world.leftovers()).to.deep.equal({ processes: [], ports: [], pipes: [], directories: [] });
  });

  it('reloads when it serves, once at a time', async () => {
    expect(await ask({ what: 'reload' })).to.equal('RELOAD_RUNNING');
    await serve();
    const steps: string[] = [];
    const running = first.ask({ what: 'reload', only: 'taskWorker' }, ({ step }) => steps.push(step));
    expect(await ask({ what: 'reload' })).to.equal('RELOAD_RUNNING');
    plant.reloaded(report);
    expect(await running).to.deep.equal(report);
    expect(steps).to.deep.equal(['canary']);
    expect(plant.asked).to.deep.equal([{ what: 'reload', only: 'taskWorker' }]);
    plant.stop = () => new Promise(() => {});
    void first.shutdown();
    expect(await ask({ what: 'reload' })).to.equal('SHUTTING_DOWN');
  });

  it('passes to the plant what it does not answer itself', async () => {
    await serve();
    expect(await ask({ what: 'clientInfo', id: 4 })).to.equal(null);
    expect(plant.asked.map(({ what }) => what)).to.deep.equal(['clientInfo']);
    expect(await ask({ what: 'reopenLogs' })).to.equal(null);
    expect(plant.steps).to.deep.equal(['reopenLogs']);
  });
});
