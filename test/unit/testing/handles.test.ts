import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';

const program = `
  import { World } from '@shoal/testing/internal/world/world';
  const world = new World();
  world.start(({ clock, network }) => {
    const beat = () => clock.setTimer(1, beat);
    beat();
    void network.listen({ host: '0.0.0.0', port: 80, backlog: 1, noDelay: true, reusePort: false }, () => {});
  });
  await world.advance(100);
  console.log(world.events > 100 ? 'lively' : 'dead');
`;

describe('World, handles', () => {
  it('does not keep the Node process alive when a test forgets to end it', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    const deadline = setTimeout(() => child.kill('SIGKILL'), 10_000);
    const [code] = (await once(child, 'close')) as [number | null];
    clearTimeout(deadline);
    expect([code, output.trim()]).to.deep.equal([0, 'lively']);
  });
});
