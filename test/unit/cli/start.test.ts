import { connect } from 'node:net';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { identify } from '@shoal/core/internal/platform/node/process-identity';
import { findServer } from '@shoal/cli/internal/control/find-servers';
import { closeFakes, makePlace } from './fake-server.js';
import { endAll, program, shoal, ShoalProcess } from './command.js';

interface Ready {
  readonly port: number;
  readonly pids: readonly number[];
  readonly argv: readonly string[];
}

describe('shoal start', () => {
  afterEach(endAll);

  it('is the server: its pid is the master, and a signal to it stops everything in order', async () => {
    const server = new ShoalProcess(['start', program('echo'), '0', '--json']);
    const { port, pids, argv } = JSON.parse((await server.prints(/^ready (.*)$/m))[1]!) as Ready;
    expect(pids).to.have.length(6);
    expect(pids[0]).to.equal(server.pid);
    expect(argv).to.deep.equal([program('echo'), '0', '--json']);

    const client = connect(port, '127.0.0.1');
    expect(String((await once(client, 'data'))[0])).to.equal('hello\n');
    client.write('one\n');
    expect(String((await once(client, 'data'))[0])).to.equal('one\n');

    server.signal('SIGTERM');
    await once(client, 'close');
    expect((await server.outcome()).code).to.equal(0);
    expect(pids.filter((pid) => identify(pid) !== undefined)).to.deep.equal([]);
  });

  it('leaves the titles of the processes to the server', async function () {
    if (process.platform !== 'linux') this.skip();
    const server = new ShoalProcess(['start', program('echo')]);
    const { pids } = JSON.parse((await server.prints(/^ready (.*)$/m))[1]!) as Ready;
    const titles = pids.map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(/[\0 ]+$/, ''));
    expect(titles).to.deep.equal([
      'shoal checked: master',
      'shoal checked: manager',
      'shoal checked: worker 0',
      'shoal checked: worker 1',
      'shoal checked: task worker 2',
      'shoal checked: process sweeper',
    ]);
    server.signal('SIGTERM');
    await server.outcome();
  });

  it('gives the program settings, and no others than those of its options', async () => {
    const given = async (...options: string[]): Promise<string> => {
      return (
        await shoal(['start', ...options, program('given-settings')], { SHOAL_SETTINGS: undefined })
      ).stdout.trim();
    };
    expect(await given()).to.equal('nothing');
    expect(JSON.parse(await given('--daemonize'))).to.deep.equal({ daemonize: true });
    expect(JSON.parse(await given('--daemonize', '--pid-file', 'x.pid'))).to.deep.equal({
      daemonize: true,
      pidFile: resolve('x.pid'),
    });
  });

  it('lets the server tell how to start it again', async () => {
    const place = makePlace();
    try {
      const pidFile = join(place, 'echo.pid');
      const server = new ShoalProcess(['start', '--pid-file', pidFile, program('echo'), '0', 'x'], {
        XDG_RUNTIME_DIR: place,
      });
      await server.prints(/^ready/m);
      const client = await findServer({ server: 'checked', runtimeDirectory: place });
      client.close();
      expect(client.greeting.program).to.deep.include({
        execPath: process.execPath,
        argv: [program('echo'), '0', 'x'],
        cwd: process.cwd(),
        settings: JSON.stringify({ pidFile }),
      });
      server.signal('SIGTERM');
      await server.outcome();
    } finally {
      closeFakes();
    }
  });

  it('leaves with the exit code of the program', async () => {
    expect((await shoal(['start', program('leaves-with'), '7'])).code).to.equal(7);
    expect((await shoal(['start', program('invalid-settings')])).code).to.equal(78);
  });

  it('shows an error of the program as Node does', async () => {
    const { code, stderr } = await shoal(['start', program('throws')]);
    expect(code).to.equal(1);
    expect(stderr).to.include('Error: thrown while loading');
  });

  it('refuses a program that does not exist, or is none', async () => {
    const missing = await shoal(['start', 'dist/there-is-none.js']);
    expect(missing.code).to.equal(66);
    expect(missing.stderr).to.match(
      /^shoal: there is no program .*there-is-none\.js: has it been compiled\?$/m,
    );
    const directory = await shoal(['start', '.']);
    expect(directory.code).to.equal(66);
    expect(directory.stderr).to.include('is not a file: name the module that starts the server');
    const source = await shoal(['start', program('echo').replace('/dist/', '/').replace('.js', '.ts')]);
    expect(source.code).to.equal(66);
    expect(source.stderr).to.include('is TypeScript: compile it with tsc');
  });
});

describe('shoal', () => {
  it('prints its version, which is that of its package', async () => {
    const file = new URL('../../../../packages/cli/package.json', import.meta.url);
    const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
    expect(await shoal(['--version'])).to.deep.equal({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('prints help to standard output', async () => {
    const general = await shoal(['--help']);
    expect(general.code).to.equal(0);
    expect(general.stdout).to.include('start <entry>').and.to.include('inspect <entry>');
    expect((await shoal(['check', '--help'])).stdout).to.include('--json');
  });

  it('leaves with 64 when it does not understand, and says where help is', async () => {
    const { code, stdout, stderr } = await shoal(['chek', 'main.js']);
    expect(code).to.equal(64);
    expect(stdout).to.equal('');
    expect(stderr).to.equal("shoal: there is no command 'chek'; did you mean check?\nSee shoal --help.\n");
  });
});
