import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { disposePrograms, Program } from './program.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

describe('A kernel of another version on disk', () => {
  let project: string;
  beforeEach(() => (project = installed()));
  afterEach(() => {
    disposePrograms();
    rmSync(project, { recursive: true, force: true });
  });

  it('leaves the running server as it is when it reloads, and says what to do', async () => {
    const program = Program.start(join(project, 'app.js'), (directory) => [directory]);
    await program.ready();
    const client = await program.connect();
    const before = program.titles();

    const kernel = join(project, 'node_modules/@shoal/core/dist/pipe/messages.js');
    const text = readFileSync(kernel, 'utf8');
    const other = text.replace(/(PIPE_VERSION = )\d+/, '$1999');
    expect(other).not.to.equal(text);
    writeFileSync(kernel, other);
    program.signal('SIGUSR1');
    const { message } = await program.logged(/^the reload was rolled back, generation 1 serves on: /);
    expect(message).to.match(
      /the kernel on disk speaks version 999 .* the running server \d+: restart the server/,
    );
    // The new process that has found out leaves in its own time.
    await program.until(() => program.titles().size === before.size, 'the new process to be gone');
    expect([...program.titles()]).to.deep.equal([...before]);
    client.send('still here');
    await program.until(() => client.received === 'still here\n', 'an answer');

    writeFileSync(kernel, text);
    program.signal('SIGUSR1');
    await program.logged(/: generation 2 serves$/);
    client.send('and on');
    await program.until(() => client.received === 'still here\nand on\n', 'an answer');
    program.signal('SIGTERM');
    expect(await program.left()).to.deep.equal({ code: 0, signal: null });
  });
});

/** A project of its own with a copy of the kernel, and with everything else that the kernel needs. */
function installed(): string {
  const project = mkdtempSync(join(tmpdir(), 'shoal-project-'));
  const modules = join(project, 'node_modules');
  mkdirSync(join(modules, '@shoal/core'), { recursive: true });
  for (const name of readdirSync(join(root, 'node_modules')))
    if (name !== '@shoal') symlinkSync(join(root, 'node_modules', name), join(modules, name));
  for (const part of ['package.json', 'dist'])
    cpSync(join(root, 'packages/core', part), join(modules, '@shoal/core', part), { recursive: true });
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  cpSync(join(root, 'test/dist/fixtures/apps/imperative.js'), join(project, 'app.js'));
  return project;
}
