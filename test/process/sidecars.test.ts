import { expect } from 'chai';
import { disposePrograms, Program } from './program.js';

describe('A user process whose body is a module', () => {
  afterEach(disposePrograms);

  it('loads it there alone, and answers commands', async () => {
    const program = Program.start('sidecars', (directory) => [directory]);
    await program.ready();
    await program.until(() => program.stdout.includes('"sidecar"'), 'the module');
    const lines = program.stdout.split('\n').filter((line) => line.startsWith('{"what":"sidecar"'));
    const expected = {
      what: 'sidecar',
      pid: program.pidOf('process sidecar'),
      role: 'userProcess',
      loaded: true,
    };
    expect(lines.map((line) => JSON.parse(line) as unknown)).to.deep.equal([expected]);
    const client = await program.connect('lines');
    client.send('paid');
    await program.until(() => client.received === 'paid by userProcess 1\n', 'an answer');
    program.signal('SIGTERM');
    expect(await program.left()).to.deep.equal({ code: 0, signal: null });
    const stops = program.stdout.split('\n').filter((line) => line.startsWith('{"what":"stop"'));
    expect(stops).to.deep.equal(['{"what":"stop","id":2}']);
  });

  const broken = {
    'fails-to-load': /cannot be loaded \(the sidecar has lost its licence\)/,
    'no-function': /has no function as its default export: export default \(server\) => \{ … \}/,
    'there-is-none': /cannot be loaded \(Cannot find module/,
  };
  for (const [module, reason] of Object.entries(broken)) {
    it(`ends the start of the server when the module ${module.replaceAll('-', ' ')}`, async () => {
      const program = Program.start('sidecars', (directory) => [directory, module]);
      expect(await program.left()).to.deep.equal({ code: 73, signal: null });
      expect(program.stderr).to.match(reason).and.to.include('ConfigError: the process module file:');
      expect(program.stderr).to.include('process sidecar could not boot 2 times in a row');
    });
  }
});
