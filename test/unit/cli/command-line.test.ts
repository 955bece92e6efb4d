import { expect } from 'chai';
import { readCommandLine } from '@shoal/cli/internal/command-line';
import { UsageError } from '@shoal/cli/internal/usage-error';

describe('The command line of shoal', () => {
  it('gives what follows the program to the program, options included', () => {
    expect(readCommandLine(['start', 'main.js', '--port', '1', '--help'])).to.deep.equal({
      name: 'start',
      entry: 'main.js',
      args: ['--port', '1', '--help'],
    });
  });

  it('takes the options of a command before the program', () => {
    expect(readCommandLine(['check', '--json', 'main.js', '--json'])).to.deep.equal({
      name: 'check',
      entry: 'main.js',
      args: ['--json'],
      json: true,
    });
    expect(readCommandLine(['check', 'main.js'])).to.include({ json: false });
  });

  it('takes a program whose name begins with a dash after --', () => {
    expect(readCommandLine(['start', '--', '-main.js', 'x'])).to.deep.equal({
      name: 'start',
      entry: '-main.js',
      args: ['x'],
    });
  });

  it('has help in general and for each command', () => {
    expect(readCommandLine(['--help'])).to.deep.equal({ name: 'help', of: undefined });
    expect(readCommandLine(['help'])).to.deep.equal({ name: 'help', of: undefined });
    expect(readCommandLine(['help', 'check'])).to.deep.equal({ name: 'help', of: 'check' });
    expect(readCommandLine(['-h', 'start'])).to.deep.equal({ name: 'help', of: 'start' });
    expect(readCommandLine(['start', '--help'])).to.deep.equal({ name: 'help', of: 'start' });
  });

  it('has a version', () => {
    expect(readCommandLine(['--version'])).to.deep.equal({ name: 'version' });
    expect(readCommandLine(['-v'])).to.deep.equal({ name: 'version' });
  });

  const refusals: readonly [argv: string[], message: string][] = [
    [[], 'say what to do: shoal start <entry> or shoal check <entry>'],
    [['strat', 'main.js'], "there is no command 'strat'; did you mean start?"],
    [['fly', 'main.js'], "there is no command 'fly'; the commands are start, check"],
    [['help', 'chekc'], "there is no command 'chekc'; did you mean check?"],
    [['check', '--jsn', 'main.js'], 'shoal check has no option --jsn; did you mean --json?'],
    [['start', '--json', 'main.js'], 'shoal start has no option --json; its options are --help'],
    [['start', '-x', 'main.js'], 'shoal start has no option -x; its options are --help'],
    [['--verison'], 'shoal has no option --verison; did you mean --version?'],
    [['check', '--json=yes', 'main.js'], '--json takes no value, not yes'],
    [['start'], 'name the program to start: shoal start dist/main.js'],
    [['start', '--'], 'name the program to start: shoal start dist/main.js'],
    [['check', ''], 'name the program to check: shoal check dist/main.js'],
  ];
  for (const [argv, message] of refusals) {
    it(`refuses: shoal ${argv.join(' ')}`, () => {
      expect(() => readCommandLine(argv)).to.throw(UsageError, message);
    });
  }
});
