import { existsSync, readdirSync, statSync } from 'node:fs';
import net from 'node:net';
import { delimiter, tcp, unix } from '@shoal/core';
import { expect } from 'chai';
import { everythingIsPlayed } from '../exploration/breadth.js';
import { wayOfTheDay } from '../exploration/day.js';
import { disposePrograms, Program } from './program.js';

const KILLS = everythingIsPlayed ? 10 : 2;
const RELOADS = everythingIsPlayed ? 5 : 1;
/** Answers by each gate between two deeds. */
const PROGRESS = 20;
const FILE = 'gates.sock';

const framing = delimiter('\n', { strip: true });
const modes = { process: { mode: 'process', reactorNum: 2, workerNum: 2 }, base: { mode: 'base' } } as const;

describe('A server on a unix socket and on both families of addresses', () => {
  afterEach(disposePrograms);

  for (const [name, settings] of wayOfTheDay(Object.entries(modes)))
    it(`is there for whoever comes while workers are killed and replaced, and its file is one and the same, in ${name} mode`, async () => {
      const program = start(settings);
      await program.ready();
      const path = fileOf(program);
      const { ino } = statSync(path);
      const crowd = new Crowd(program);
      for (let kill = 0; kill < KILLS; kill++) {
        await crowd.progress();
        const worker = program.pidOf(`worker ${kill % 2}`);
        process.kill(worker, 'SIGKILL');
        await program.until(() => !existsSync(`/proc/${worker}`), 'the worker to be dead');
      }
      for (let reload = 1; reload <= RELOADS; reload++) {
        await crowd.progress();
        program.signal('SIGUSR1');
        const over = (): boolean =>
          program.logs.filter(({ message }) => message.startsWith('reloaded in ')).length === reload;
        await program.until(over, 'the reload to be done');
        expect(statSync(path).ino).to.equal(ino);
      }
      await crowd.progress();
      // Nobody else takes the place of one that serves.
      const other = start({ ...settings, listeners: [gate(path)] });
      expect((await other.left()).code).to.equal(72);
      expect(statSync(path).ino).to.equal(ino);
      await crowd.progress();
      await crowd.leave();
      expect(crowd.faults).to.deep.equal([]);
      program.signal('SIGTERM');
      expect(await program.left()).to.deep.equal({ code: 0, signal: null });
      expect(program.files()).to.deep.equal([]);
    }).timeout(120_000);

  it('has left its file when all of it was killed, which the next one replaces, in base mode', async () => {
    const killed = start(modes.base);
    await killed.ready();
    const path = fileOf(killed);
    killed.signal('SIGKILL');
    await killed.left();
    expect(readdirSync(killed.directory)).to.include(FILE);
    const next = start({ ...modes.base, listeners: [gate(path)] });
    await next.ready();
    expect(await ask({ path }, 'hello')).to.match(/^hello \d+ nowhere$/);
    next.signal('SIGTERM');
    expect(await next.left()).to.deep.equal({ code: 0, signal: null });
    expect(readdirSync(killed.directory)).to.not.include(FILE);
  });
});

const gate = (path: string) => unix({ name: 'path', path, framing });

function start(settings: object): Program {
  const url = new URL('../fixtures/apps/gates.js', import.meta.url).href;
  return Program.start('run-app', (runtimeDirectory) => {
    const listeners = [
      gate(`${runtimeDirectory}/${FILE}`),
      tcp({ name: 'both', host: '::', port: 0, framing }),
    ];
    return [url, 'GatesApp', JSON.stringify({ runtimeDirectory, listeners, ...settings })];
  });
}

function fileOf(program: Program): string {
  return `${program.directory}/${FILE}`;
}

/** One client after the other at each gate. */
class Crowd {
  readonly faults: string[] = [];
  readonly #answers = [0, 0, 0];
  readonly #all: Promise<void>[];
  #leaving = false;

  constructor(private readonly program: Program) {
    const port = program.port('both');
    const gates: [net.NetConnectOpts, string][] = [
      [{ path: fileOf(program) }, 'nowhere'],
      [{ host: '127.0.0.1', port }, '127.0.0.1'],
      [{ host: '::1', port }, '::1'],
    ];
    this.#all = gates.map(async ([place, seen], index) => {
      while (!this.#leaving) {
        const answer = await ask(place, 'hello').catch((error: Error) => error.message);
        if (answer.startsWith('hello ') && answer.endsWith(` ${seen}`)) this.#answers[index]!++;
        // Whom a worker had when it was killed is lost with it in base mode, and told so.
        else if (answer !== 'lost') this.faults.push(`${seen}: ${answer}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
  }

  async progress(): Promise<void> {
    const enough = this.#answers.map((count) => count + PROGRESS);
    await this.program.until(
      () => this.faults.length > 0 || this.#answers.every((count, index) => count >= enough[index]!),
      'answers at every gate',
    );
  }

  async leave(): Promise<void> {
    this.#leaving = true;
    await Promise.all(this.#all);
  }
}

/** Connects, asks, and leaves. Rejects when nobody is there, and with `lost` when whoever was there has gone. */
function ask(place: net.NetConnectOpts, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(place);
    let connected = false;
    socket.once('connect', () => {
      connected = true;
      socket.write(`${line}\n`);
    });
    socket.once('error', (error) => reject(connected ? new Error('lost') : error));
    socket.once('close', () => reject(new Error('lost')));
    socket.once('data', (data: Buffer) => {
      resolve(data.toString().trimEnd());
      socket.destroy();
    });
  });
}
