import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Question, ReloadReport } from '@shoal/core/internal/pipe/questions';
import { endAll, shoal, ShoalProcess, type Outcome } from './command.js';
import { closeFakes, FakeServer, makePlace, type Conversation } from './fake-server.js';
import { clientInfo, serverStatus } from './statuses.js';

const hasScript = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0;
const report: ReloadReport = {
  outcome: 'done',
  generation: 2,
  replaced: [0, 1],
  needRestart: [],
  duration: 1_500,
};

describe('shoal, speaking to a server', function () {
  this.timeout(20_000);
  let place = '';
  const children = new Set<ChildProcess>();

  beforeEach(() => (place = makePlace()));
  afterEach(async () => {
    await endAll();
    closeFakes();
    for (const child of children) child.kill('SIGKILL');
    children.clear();
  });

  const server = (
    respond: (question: Question, conversation: Conversation) => void,
    greeting?: Parameters<typeof FakeServer.start>[2],
  ): Promise<FakeServer> => FakeServer.start(place, respond, greeting);

  const run = (...args: string[]): Promise<Outcome> => shoal([...args, '--runtime-directory', place]);
  const begin = (...args: string[]): ShoalProcess =>
    new ShoalProcess([...args, '--runtime-directory', place]);

  describe('reload', () => {
    it('prints each step as it happens, then what came of it', async () => {
      let finish = (): void => {};
      const fake = await server((_question, { progress, answer }) => {
        progress({ step: 'canary', workerId: 0, pid: 7 });
        finish = () => {
          progress({ step: 'accepted', workerId: 0, pid: 7 });
          answer(report);
        };
      });
      const command = begin('reload');
      await command.prints(/^worker 0, pid 7: started as the canary\n$/);
      finish();
      const { code, stdout, stderr } = await command.outcome();
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      expect(stdout.split('\n').slice(1)).to.deep.equal([
        'worker 0, pid 7: is accepted: the others follow',
        'reloaded in 1s: generation 2 serves, 2 workers were replaced',
        '',
      ]);
      expect(fake.questions).to.deep.equal([{ what: 'reload', until: 'done' }]);
    });

    it('asks for the task workers alone, and until the new code is accepted', async () => {
      const fake = await server((_question, { answer }) => answer({ ...report, outcome: 'accepted' }));
      const { code, stdout } = await run('reload', '--only', 'task', '--no-wait');
      expect(code).to.equal(0);
      expect(stdout).to.include('the new code was accepted');
      expect(fake.questions).to.deep.equal([{ what: 'reload', until: 'accepted', only: 'taskWorker' }]);
    });

    const error = { name: 'Error', message: 'boom', stack: 'Error: boom\n    at App (app.js:3:9)' };
    const failure = { workerId: 1, reason: 'it could not boot', error };
    const outcomes: [ReloadReport['outcome'], number, string][] = [
      ['rolledBack', 80, 'shoal: rolled back after 1s'],
      ['halted', 81, 'shoal: halted half-way after 1s: workers 0, 1 are new'],
      ['stopping', 1, 'shoal: the server was stopped during the reload'],
    ];
    for (const [outcome, exitCode, text] of outcomes) {
      it(`leaves with ${exitCode} when it was ${outcome}, and shows the stack of the worker`, async () => {
        await server((_question, { answer }) => answer({ ...report, outcome, failure }));
        const { code, stdout, stderr } = await run('reload');
        expect(code).to.equal(exitCode);
        expect(stdout).to.equal('');
        expect(stderr).to.include(text);
        expect(stderr).to.include(
          'worker 1 failed: it could not boot\nError: boom\n    at App (app.js:3:9)\n',
        );
      });
    }

    it('leaves with 84 when one runs already, and with 1 when it is refused', async () => {
      const codes = ['RELOAD_RUNNING', 'NOT_SUPPORTED'];
      await server((_question, { error: refuse }) => refuse(codes.shift()!, 'the reason'));
      const busy = await run('reload');
      expect(busy).to.include({ code: 84, stderr: 'shoal: the server does not reload: the reason\n' });
      expect((await run('reload')).code).to.equal(1);
    });

    it('leaves with 82 when it has waited long enough', async () => {
      await server((_question, { progress }) => progress({ step: 'canary', workerId: 0, pid: 7 }));
      const { code, stderr } = await run('reload', '--timeout', '100ms');
      expect(code).to.equal(82);
      expect(stderr).to.equal(
        'shoal: the reload has not ended within 100 ms; it goes on, and shoal status tells how\n',
      );
    });

    const lost: [string, (conversation: Conversation) => void, string][] = [
      ['dies', ({ hangUp }) => hangUp(), 'the server closed the connection'],
      ['sends garbage', ({ raw }) => raw('<html>\n'), 'speaks another language'],
      ['sends null', ({ raw }) => raw('null\n'), 'speaks another language'],
      [
        'answers another question',
        ({ raw }) => raw('{"id":77,"answer":null}\n'),
        'answered what nobody has asked',
      ],
      ['never ends its line', ({ raw }) => raw('x'.repeat(17 * 1024 * 1024)), 'an answer without end'],
    ];
    for (const [what, act, text] of lost) {
      it(`leaves with 1 when the server ${what} in the middle of it`, async () => {
        await server((_question, conversation) => {
          conversation.progress({ step: 'canary', workerId: 0, pid: 7 });
          act(conversation);
        });
        const { code, stderr } = await run('reload');
        expect(code).to.equal(1);
        expect(stderr)
          .to.match(/^shoal: how the reload ended is not known: /)
          .and.to.include(text);
      });
    }
  });

  describe('stop', () => {
    const sleeper = (): ChildProcess & { pid: number } => {
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
      children.add(child);
      return child as ChildProcess & { pid: number };
    };

    it('waits until the process is gone, although the server has hung up', async () => {
      const child = sleeper();
      await server(
        (_question, { hangUp }) => {
          hangUp();
          setTimeout(() => child.kill('SIGKILL'), 200);
        },
        { pid: child.pid },
      );
      const { code, stdout } = await run('stop');
      expect({ code, stdout }).to.deep.equal({ code: 0, stdout: `fake, pid ${child.pid}, has stopped\n` });
      expect(child.killed).to.equal(true);
    });

    it('says what it waits for, and leaves with 82 when that takes too long', async () => {
      await server(({ what }, { answer }) =>
        answer(what === 'status' ? serverStatus({ state: 'stopping' }) : null),
      );
      const { code, stderr } = await run('stop', '--timeout', '4s');
      expect(code).to.equal(82);
      expect(stderr.split('\n')).to.deep.equal([
        `stopping fake, pid ${process.pid}`,
        'waiting for 12345 connections and 7 packets in flight',
        `shoal: fake, pid ${process.pid}, has not left within 4000 ms; it goes on stopping. To end it at once: kill -KILL ${process.pid}`,
        '',
      ]);
    });

    it('leaves with 1 when the server refuses', async () => {
      await server((_question, { error }) => error('ASK_UNKNOWN', 'it does not know how'));
      expect(await run('stop')).to.include({ code: 1, stdout: '' });
    });
  });

  describe('status', () => {
    it('prints a table, or everything as JSON', async () => {
      await server((_question, { answer }) => answer(serverStatus()));
      const { code, stdout } = await run('status');
      expect(code).to.equal(0);
      expect(stdout)
        .to.match(/^chat is serving: /)
        .and.to.not.include('\x1b');
      expect(JSON.parse((await run('status', '--json')).stdout)).to.deep.equal(serverStatus());
    });

    const readiness = { starting: 1, serving: 0, reloading: 0, lameDuck: 1, stopping: 1 } as const;
    it('prints nothing with --ready, and leaves with 0 only where it serves', async () => {
      const states = Object.keys(readiness) as (keyof typeof readiness)[];
      let state = states[0]!;
      await server((_question, { answer }) => answer(serverStatus({ state })));
      for (state of states) {
        expect(await run('status', '--ready'), state).to.deep.equal({
          code: readiness[state],
          stdout: '',
          stderr: '',
        });
      }
    });

    it('looks where servers of a shell are, and where those of a supervisor are', async () => {
      await server((_question, { answer }) => answer(serverStatus()));
      const empty = makePlace();
      for (const env of [
        { XDG_RUNTIME_DIR: place, TMPDIR: empty },
        { XDG_RUNTIME_DIR: empty, TMPDIR: place },
        { XDG_RUNTIME_DIR: '', TMPDIR: place },
      ]) {
        expect((await shoal(['status', '--ready'], env)).code).to.equal(0);
      }
      const { code, stderr } = await shoal(['status'], {
        XDG_RUNTIME_DIR: empty,
        TMPDIR: join(empty, 'tmp'),
      });
      expect(code).to.equal(83);
      expect(stderr).to.equal(`shoal: no server runs below ${empty} or ${join(empty, 'tmp')}\n`);
    });

    it('leaves with 83 and prints nothing with --ready where no server runs', async () => {
      expect(await run('status', '--ready')).to.deep.equal({ code: 83, stdout: '', stderr: '' });
      expect(await run('status')).to.deep.equal({
        code: 83,
        stdout: '',
        stderr: `shoal: no server runs below ${place}\n`,
      });
    });
  });

  describe('connections', () => {
    const all = Array.from({ length: 2_500 }, (_, index) => clientInfo(index * 3));
    const page = (question: Question, { answer }: Conversation): void => {
      if (question.what !== 'connections') throw new Error('another question');
      answer(all.filter(({ id }) => id > question.after).slice(0, question.limit));
    };

    it('takes them page by page, and says when there are more', async () => {
      const fake = await server(page);
      const { code, stdout, stderr } = await run('connections', '--json', '--limit', '2400');
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: 'there are more than 2400: see --limit\n' });
      expect(JSON.parse(stdout)).to.deep.equal(all.slice(0, 2_400));
      expect(fake.questions.map((question) => ('limit' in question ? question.limit : 0))).to.deep.equal([
        1_000, 1_000, 401,
      ]);
    });

    it('ends with the last page', async () => {
      await server(page);
      const { stdout, stderr } = await run('connections', '--limit', '2500');
      expect(stdout.split('\n')).to.have.length(all.length + 2);
      expect(stderr).to.equal('');
    });

    it('gives up on a server that lists the same again and again', async () => {
      await server((_question, { answer }) => answer([clientInfo(1), clientInfo(1)]));
      const { code, stderr } = await run('connections', '--limit', '1');
      expect(code).to.equal(1);
      expect(stderr).to.equal('shoal: the server does not list its connections in order\n');
    });
  });

  it('reopen asks for it', async () => {
    const fake = await server((_question, { answer }) => answer(null));
    expect(await run('reopen')).to.include({
      code: 0,
      stdout: `fake, pid ${process.pid}, has opened its log files anew\n`,
    });
    expect(fake.questions).to.deep.equal([{ what: 'reopenLogs' }]);
  });

  describe('top', () => {
    const growing = (): ((question: Question, conversation: Conversation) => void) => {
      let asked = 0;
      return (_question, { answer }) => answer(serverStatus({ uptime: 1_000 * ++asked }));
    };

    it('prints plain snapshots where there is no terminal, as many as asked for', async () => {
      await server(growing());
      const { code, stdout } = await run('top', '--count', '2');
      expect(code).to.equal(0);
      expect(stdout.match(/^chat is serving/gm)).to.have.length(2);
      expect(stdout).to.not.include('\x1b');
    });

    it('ends with 0 at a signal, and with 83 when the server goes', async () => {
      const fake = await server(growing());
      const command = begin('top');
      await command.prints(/chat is serving/);
      command.signal('SIGINT');
      expect((await command.outcome()).code).to.equal(0);
      const another = begin('top');
      await another.prints(/chat is serving/);
      fake.close();
      expect(await another.outcome()).to.include({
        code: 83,
        stderr: 'shoal: the server has gone: the server closed the connection\n',
      });
    });

    for (const [key, name] of [
      ['q', 'q'],
      ['\x03', 'Ctrl-C'],
    ] as const) {
      it(`draws in place on a terminal, and gives it back at ${name}`, async function () {
        if (!hasScript) this.skip();
        await server(growing());
        const command = ShoalProcess.inTerminal(['top', '--runtime-directory', place]);
        await command.prints(/chat is serving/);
        command.type(key);
        const { code, stdout } = await command.outcome();
        expect(code).to.equal(0);
        expect(stdout).to.match(/^\x1b\[\?1049h\x1b\[\?25l\x1b\[H/); // eslint-disable-line no-control-regex
        expect(stdout.endsWith('\x1b[?25h\x1b[?1049l')).to.equal(true);
      });
    }

    it('gives the terminal back when the server goes', async function () {
      if (!hasScript) this.skip();
      const fake = await server(growing());
      const command = ShoalProcess.inTerminal(['top', '--runtime-directory', place]);
      await command.prints(/chat is serving/);
      fake.close();
      const { code, stdout } = await command.outcome();
      expect(code).to.equal(83);
      expect(stdout).to.include('\x1b[?25h\x1b[?1049l').and.to.include('the server has gone');
    });
  });
});
