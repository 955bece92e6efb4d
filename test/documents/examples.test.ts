import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { Connection } from '@shoal/core';
import type { ListenerInput } from '@shoal/core/internal/config/load';
import { simulate } from '@shoal/testing';
import { titledBlocks } from './pages.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const shoal = join(root, 'packages/cli/dist/main.js');
const run = promisify(execFile);

/** Below the compiled tests, so that the packages resolve as they do for a user. */
let directory: string;
/** What `npm test` of the guide's own package.json has printed; it compiles everything first. */
let tested: string;

/** What failed, with what it printed, instead of the bare exit code. */
async function succeeds(running: Promise<{ stdout: string }>): Promise<string> {
  try {
    return (await running).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${stdout}${stderr}`, { cause: error });
  }
}

describe('The programs of the pages', function () {
  this.timeout(120_000);

  before(async () => {
    directory = mkdtempSync(fileURLToPath(new URL('../examples-', import.meta.url)));
    write('docs/getting-started.md', '');
    write('README.md', 'src/readme/');
    write('docs/processes.md', 'src/processes/');
    write('docs/durable-tasks.md', 'src/durable/');
    write('docs/tasks.md', 'src/tasks/');
    write('docs/streams.md', 'src/streams/');
    write('docs/back-pressure.md', 'src/pressure/');
    write('docs/connections.md', 'src/connections/');
    write('docs/dispatch.md', 'src/dispatch/');
    write('docs/datagrams.md', 'src/datagrams/');
    tested = await succeeds(run('npm', ['test'], { cwd: directory }));
  });

  after(() => rmSync(directory, { recursive: true, force: true }));

  it('have tests that pass', () => {
    const files = titlesOf(
      'README.md',
      'docs/getting-started.md',
      'docs/processes.md',
      'docs/durable-tasks.md',
      'docs/tasks.md',
      'docs/streams.md',
      'docs/back-pressure.md',
      'docs/connections.md',
      'docs/dispatch.md',
      'docs/datagrams.md',
    ).filter((title) => title.endsWith('.test.ts'));
    expect(files).not.to.deep.equal([]);
    expect(Number(/(\d+) passing/.exec(tested)?.[1])).to.be.at.least(files.length);
  });

  it('hold to the settings: shoal check has no complaint', async () => {
    const programs = ['main', 'chat-main', 'readme/main', 'readme/imperative', 'processes/calls'];
    const outputs = await Promise.all(
      programs.map((name) =>
        succeeds(run(process.execPath, [shoal, 'check', `dist/${name}.js`], { cwd: directory })),
      ),
    );
    for (const output of outputs) expect(output).to.include('the configuration is valid');
  });

  it('serve as the README says', async () => {
    const { App } = (await import(join(directory, 'dist/readme/app.js'))) as { App: new () => object };
    const server = await simulate(App);
    const client = await server.connect();
    client.send('Ada\nBob\n');
    expect((await client.receive(/Bob\n/)).toString()).to.equal('who are you?\nhello Ada\nhello Bob\n');
    expect(await server.stop()).to.deep.equal({ exitCode: 0 });
  });

  it('mix protocols on a listener as the page of streams says', async () => {
    const { App } = (await import(join(directory, 'dist/streams/mixed.js'))) as { App: new () => object };
    const server = await simulate(App);
    const [human, browser] = [await server.connect(), await server.connect()];
    human.send('?');
    expect(await human.receiveLine()).to.equal('hello, human');
    browser.send('GET / HTTP/1.0\r\n\r\n');
    await browser.receive(/^HTTP\/1\.1 200 OK\r\n[^]*hello, browser\n/);
    await browser.ended();
    await server.stop();
  });

  it('frame as the guide says', async () => {
    const { listeners } = (await import(join(directory, 'dist/framings.js'))) as {
      listeners: ListenerInput[];
    };
    const run = (connection: Connection, data: Buffer): unknown =>
      connection.send(`${data.toString('hex')}\n`);
    const server = await simulate({
      name: 'framings',
      settings: { listeners, workerNum: 1 },
      handlers: [{ event: 'receive', label: 'toHex', target: { kind: 'function', run } }],
      timers: [],
    });
    const sent: Record<string, readonly [bytes: string, packets: readonly string[]]> = {
      lines: ['one\r\ntwo\r\n', ['one', 'two']],
      frames: ['\0\0\0\x02hi\0\0\0\x01!', ['hi', '!']],
      typed: ['ab\0\x02hicd\0\x01!', ['ab\0\x02hi', 'cd\0\x01!']],
      own: ['5:hello,12:twelve bytes,', ['5:hello,', '12:twelve bytes,']],
    };
    for (const [listener, [bytes, packets]] of Object.entries(sent)) {
      const client = await server.connect({ listener });
      client.send(bytes);
      const received = [await client.receiveLine(), await client.receiveLine()];
      expect(received, listener).to.deep.equal(packets.map((packet) => Buffer.from(packet).toString('hex')));
    }
    const stranger = await server.connect({ listener: 'own' });
    stranger.send('no netstring');
    await stranger.ended();
    await server.stop();
  });
});

describe('README.md', () => {
  it('says that a server takes twenty lines, and shows no longer one', () => {
    const app = titledBlocks(read('README.md')).find(({ title }) => title === 'app.ts');
    const lines = app?.text.split('\n').filter((line) => line.trim() !== '') ?? [];
    expect(lines).to.have.lengthOf.within(15, 24);
  });
});

function read(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

function titlesOf(...pages: readonly string[]): string[] {
  return pages.flatMap((page) => titledBlocks(read(page)).map(({ title }) => title));
}

function write(page: string, prefix: string): void {
  for (const { title, text } of titledBlocks(read(page))) {
    const path = join(directory, prefix, title);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
