import { expect } from 'chai';
import { readCommandLine } from '@shoal/cli/internal/command-line';
import { UsageError } from '@shoal/cli/internal/usage-error';

describe('The command line of shoal', () => {
  it('gives what follows the program to the program, options included', () => {
    expect(readCommandLine(['start', 'main.js', '--port', '1', '--help', '--', '--daemonize'])).to.deep.equal(
      {
        name: 'start',
        entry: 'main.js',
        args: ['--port', '1', '--help', '--', '--daemonize'],
        daemonize: false,
      },
    );
  });

  it('takes the options of a command before the program', () => {
    expect(readCommandLine(['inspect', '--json', 'main.js', '--json'])).to.deep.equal({
      name: 'inspect',
      entry: 'main.js',
      args: ['--json'],
      json: true,
    });
    expect(readCommandLine(['inspect', 'main.js'])).to.include({ json: false });
    for (const pidFile of [['--pid-file', 'x.pid'], ['--pid-file=x.pid']]) {
      expect(readCommandLine(['start', ...pidFile, '--daemonize', 'main.js', 'x'])).to.deep.equal({
        name: 'start',
        entry: 'main.js',
        args: ['x'],
        daemonize: true,
        pidFile: 'x.pid',
      });
    }
  });

  it('takes check as another word for inspect', () => {
    expect(readCommandLine(['check', '--json', 'main.js'])).to.deep.equal(
      readCommandLine(['inspect', '--json', 'main.js']),
    );
  });

  it('takes a program whose name begins with a dash after --', () => {
    expect(readCommandLine(['start', '--', '-main.js', 'x'])).to.deep.equal({
      name: 'start',
      entry: '-main.js',
      args: ['x'],
      daemonize: false,
    });
  });

  it('reads what to do with the tasks of a queue, and takes the server by an option there', () => {
    const list = { name: 'tasks', target: {}, action: 'list', json: false, limit: 1_000 };
    expect(readCommandLine(['tasks'])).to.deep.equal(list);
    expect(
      readCommandLine(['tasks', 'list', '--server', 'chat', '--state', 'delayed', '--json']),
    ).to.deep.equal({
      ...list,
      target: { server: 'chat' },
      state: 'delayed',
      json: true,
    });
    expect(readCommandLine(['tasks', 'dead', '--limit', '3'])).to.deep.equal({
      ...list,
      state: 'dead',
      limit: 3,
    });
    const retry = { name: 'tasks', target: {}, action: 'retry' };
    expect(readCommandLine(['tasks', 'retry', '12', '17'])).to.deep.equal({ ...retry, ids: [12, 17] });
    expect(readCommandLine(['tasks', 'retry', '--all'])).to.deep.equal(retry);
    expect(readCommandLine(['tasks', 'drain'])).to.deep.equal({ name: 'tasks', target: {}, action: 'drain' });
    for (const [words, reason] of [
      [['retry'], /say which: shoal tasks retry <id>/],
      [['retry', '1', '--all'], /ids or --all, not both/],
      [['retry', 'chat'], /a task has a number, as shoal tasks shows it, not chat/],
      [['list', 'chat'], /takes nothing more, and not chat: name the server by --server/],
      [['dead', '--state', 'waiting'], /shoal tasks dead has no option --state/],
      [['list', '--state', 'gone'], /--state takes waiting, delayed, leased, dead, not gone/],
      [['retri'], /did you mean retry/],
    ] as const)
      expect(() => readCommandLine(['tasks', ...words]), words.join(' ')).to.throw(UsageError, reason);
  });

  it('takes the server and the options of other commands in any order', () => {
    const expected = { name: 'stop', target: { server: 'chat' }, timeout: 90_000 };
    expect(readCommandLine(['stop', 'chat', '--timeout', '90s'])).to.deep.equal(expected);
    expect(readCommandLine(['stop', '--timeout=90s', 'chat'])).to.deep.equal(expected);
    expect(readCommandLine(['stop', '--timeout', '90000', '--', 'chat'])).to.deep.equal(expected);
    expect(readCommandLine(['restart'])).to.deep.equal({ name: 'restart', target: {}, timeout: 60_000 });
    expect(
      readCommandLine(['status', '--pid-file', 'p', '--runtime-directory', 'd', '--ready']),
    ).to.deep.equal({
      name: 'status',
      target: { pidFile: 'p', runtimeDirectory: 'd' },
      json: false,
      ready: true,
    });
    expect(readCommandLine(['reload', '--only', 'task', '--no-wait'])).to.deep.equal({
      name: 'reload',
      target: {},
      only: 'taskWorker',
      wait: false,
      timeout: 600_000,
    });
    expect(readCommandLine(['top', '--count', '3'])).to.deep.equal({ name: 'top', target: {}, count: 3 });
    expect(readCommandLine(['top'])).to.include({ count: Infinity });
    expect(readCommandLine(['connections', '77', '--limit', '5', '--json'])).to.deep.equal({
      name: 'connections',
      target: { server: '77' },
      json: true,
      limit: 5,
    });
    expect(readCommandLine(['reopen'])).to.deep.equal({ name: 'reopen', target: {} });
  });

  it('has help in general and for each command', () => {
    expect(readCommandLine(['--help'])).to.deep.equal({ name: 'help', of: undefined });
    expect(readCommandLine(['help'])).to.deep.equal({ name: 'help', of: undefined });
    expect(readCommandLine(['help', 'check'])).to.deep.equal({ name: 'help', of: 'inspect' });
    expect(readCommandLine(['-h', 'start'])).to.deep.equal({ name: 'help', of: 'start' });
    expect(readCommandLine(['start', '--help'])).to.deep.equal({ name: 'help', of: 'start' });
  });

  it('has a version', () => {
    expect(readCommandLine(['--version'])).to.deep.equal({ name: 'version' });
    expect(readCommandLine(['-v'])).to.deep.equal({ name: 'version' });
  });

  const refusals: readonly [argv: string[], message: string][] = [
    [[], 'say what to do, such as shoal start <entry> or shoal status; see shoal --help'],
    [['strat', 'main.js'], "there is no command 'strat'; did you mean start?"],
    [
      ['fly', 'main.js'],
      "there is no command 'fly'; the commands are start, stop, restart, reload, status, top, connections, tasks, reopen, inspect",
    ],
    [['help', 'chekc'], "there is no command 'chekc'; did you mean check?"],
    [['check', '--jsn', 'main.js'], 'shoal check has no option --jsn; did you mean --json?'],
    [
      ['start', '--json', 'main.js'],
      'shoal start has no option --json; its options are --daemonize, --pid-file, --help',
    ],
    [['stop', '--tiemout', '3s'], 'shoal stop has no option --tiemout; did you mean --timeout?'],
    [['start', '-x', 'main.js'], 'shoal start has no option -x; its options are --daemonize'],
    [['--verison'], 'shoal has no option --verison; did you mean --version?'],
    [['check', '--json=yes', 'main.js'], '--json takes no value, not yes'],
    [['start'], 'name the program to start: shoal start dist/main.js'],
    [['start', '--'], 'name the program to start: shoal start dist/main.js'],
    [['check', ''], 'name the program to check: shoal check dist/main.js'],
    [['start', '--pid-file', '--daemonize', 'main.js'], '--pid-file needs a value: --pid-file <value>'],
    [['stop', '--timeout'], '--timeout needs a value'],
    [
      ['stop', '--timeout', '60'],
      "--timeout 60 is 60 ms, the minimum is 100 ms: for 60 seconds write 60_000 or '60s'",
    ],
    [['stop', '--timeout', 'soon'], '--timeout soon is not a duration: write milliseconds'],
    [['stop', 'a', 'b'], 'shoal stop takes one server, not both a and b'],
    [['stop', ''], 'the name of a server is not empty'],
    [['stop', 'a', '--pid-file', 'b'], 'name the server by a or by --pid-file, not by both'],
    [['reload', '--only', 'worker'], '--only takes task, for the task workers, not worker'],
    [['status', '--json', '--ready'], '--ready prints nothing: leave out --json or --ready'],
    [['top', '--count', '0'], '--count takes a whole number of at least 1, not 0'],
    [['connections', '--limit', '1e3'], '--limit takes a whole number of at least 1, not 1e3'],
  ];
  for (const [argv, message] of refusals) {
    it(`refuses: shoal ${argv.join(' ')}`, () => {
      expect(() => readCommandLine(argv)).to.throw(UsageError, message);
    });
  }
});
