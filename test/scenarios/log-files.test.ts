import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { World, type TestServer } from '@shoal/testing';
import { LoggingApp } from '../fixtures/apps/logging.js';
import { ask, eventually } from './facts.js';
import { inSimulationFirst, inWorlds } from './in-worlds.js';

const directory = mkdtempSync(join(tmpdir(), 'shoal-log-files-'));
const logFile = join(directory, 'log');

/** The machine that the server runs on, as its operator sees it. */
function machineOf(server: TestServer) {
  const world = 'world' in server && server.world instanceof World ? server.world : undefined;
  const { masterPid } = server.running;
  const read = (path: string): string => {
    try {
      return world === undefined ? readFileSync(path, 'utf8') : (world.readFile(path) ?? '');
    } catch {
      return '';
    }
  };
  return {
    lines: (path: string) =>
      read(path)
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as { msg: string; role: string; workerId?: number; pid: number }),
    rename: (from: string, to: string) =>
      world === undefined ? renameSync(from, to) : world.renameFile(from, to),
    signal: (signal: 'SIGWINCH') =>
      world === undefined ? process.kill(masterPid, signal) : world.signal(masterPid, signal),
  };
}

const modes = {
  process: {},
  base: { mode: 'base' },
  single: { mode: 'base', workerNum: 1, taskWorkerNum: 0 },
} as const;

describe('The log file of a server', () => {
  after(() => rmSync(directory, { recursive: true, force: true }));
  afterEach(() => {
    for (const name of ['log', 'log.1']) rmSync(join(directory, name), { force: true });
  });

  for (const [name, settings] of Object.entries(modes)) {
    (name === 'process' ? inWorlds : inSimulationFirst)(
      `has the lines of every process, before and after it is renamed and SIGWINCH comes (${name} mode)`,
      LoggingApp,
      async (server) => {
        const machine = machineOf(server);
        const says = (path: string, message: string | RegExp) => () =>
          machine.lines(path).some(({ msg }) => msg.match(message) !== null);
        const whoSaid = (path: string, message: string) =>
          new Set(machine.lines(path).flatMap(({ msg, pid }) => (msg === message ? [pid] : [])));
        const everybody = new Set(
          server.running.workers.filter(({ role }) => role === 'worker').map(({ pid }) => pid),
        );
        await eventually(server, 'the banner', says(logFile, / serves: /));
        await eventually(server, 'a line of each worker', () => {
          return whoSaid(logFile, 'beat').size === everybody.size;
        });
        machine.rename(logFile, `${logFile}.1`);
        machine.signal('SIGWINCH');
        await eventually(server, 'a line of each worker in the new file', () => {
          return whoSaid(logFile, 'beat').size === everybody.size;
        });
        await eventually(server, 'the word of the first process', says(logFile, 'opened the log file anew'));
        expect(whoSaid(logFile, 'beat')).to.deep.equal(everybody);
        const old = machine.lines(`${logFile}.1`).length;
        const client = await server.connect();
        expect(await ask(client, 'hello')).to.equal('hello');
        await eventually(server, 'what the handler said', says(logFile, 'heard hello'));
        // Whatever closes a connection says so in the process or thread that owns its socket.
        client.send('x'.repeat(2_000));
        await eventually(
          server,
          'the line of the reactor',
          says(logFile, /^closed a connection of listener/),
        );
        expect(machine.lines(`${logFile}.1`)).to.have.length(old);
        const roles = new Set(machine.lines(logFile).map(({ role }) => role));
        if (name === 'process') expect(roles).to.include.members(['master', 'worker', 'reactor 0']);
      },
      { settings: { ...settings, logFile }, seeds: 3 },
    );
  }

  inSimulationFirst(
    'is opened by a worker that takes the place of another',
    LoggingApp,
    async (server) => {
      const machine = machineOf(server);
      await server.crashWorker(0);
      await server.workersReady();
      const { pid } = server.running.workers[0]!;
      await eventually(server, 'a line of the new worker', () =>
        machine.lines(logFile).some((line) => line.pid === pid && line.workerId === 0),
      );
      expect(machine.lines(logFile).map(({ role }) => role)).to.include('manager');
    },
    { settings: { logFile }, seeds: 3 },
  );
});
