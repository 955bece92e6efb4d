import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { disposePrograms, Program, type Talk } from './program.js';

/** Descriptors of each process, as `ulimit -n` sets it. */
const FILES = 128;

const modes = {
  process: { mode: 'process', reactorNum: 1, workerNum: 1 },
  single: { mode: 'base', workerNum: 1 },
} as const;

describe('A server that may open few files', () => {
  afterEach(disposePrograms);

  for (const [name, settings] of Object.entries(modes)) {
    it(`takes fewer connections than were asked for, says so, and serves on when it is full, in ${name} mode`, async () => {
      const under = ['/bin/sh', '-c', `ulimit -n ${FILES} && exec "$@"`, 'sh'];
      const program = Program.app(
        'limits',
        'LimitsApp',
        { ...settings, maxConnection: 5_000 },
        {},
        { under },
      );
      await program.ready();
      const { message } = await program.logged(/^maxConnection is \d+ and not 5000: /);
      expect(message).to.include(`this process may have ${FILES} files open`);
      const most = Number(/is (\d+)/.exec(message)?.[1]);
      expect(most).to.be.within(10, FILES - 50);

      const talks: Talk[] = [];
      for (let count = 0; count < most; count++) talks.push(await served(program, 'in'));
      expect(readdirSync(`/proc/${program.pid}/fd`).length, 'open files').to.be.below(FILES);
      const late = await program.connect('any');
      await program.until(() => late.closed, 'the one too many to be closed');
      await program.logged(`closing new connections at once: maxConnection ${most} is reached`);
      talks[0]!.end();
      await program.until(() => talks[0]!.closed, 'the first to be closed');
      talks.push(await served(program, 'room'));

      program.signal('SIGTERM');
      expect(await program.left()).to.deep.equal({ code: 0, signal: null });
    });
  }
});

/** Connects and is answered. */
async function served(program: Program, line: string): Promise<Talk> {
  const talk = await program.connect('any');
  talk.send(line);
  await program.until(() => talk.received === `${line}\n`, `the answer ${line}`);
  return talk;
}
