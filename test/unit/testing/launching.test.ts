import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { expect } from 'chai';
import { LogLines } from '@shoal/testing/internal/log-lines';
import { ProcessGroup } from '@shoal/testing/internal/process-group';
import { RealStream } from '@shoal/testing/internal/real-stream';
import { RealWaiting } from '@shoal/testing/internal/real-waiting';
import { ScriptedClient } from '@shoal/testing/internal/scripted-client';

describe('Launched server, parts', () => {
  it('takes JSON lines apart wherever the output was cut, and keeps other lines', () => {
    const output =
      '{"level":"info","time":"t","role":"worker","workerId":1,"pid":7,"size":3,"msg":"hi"}\nplain text\n{"half":';
    for (let cut = 0; cut <= output.length; cut++) {
      const lines = new LogLines('stdout');
      lines.add(output.slice(0, cut));
      lines.add(output.slice(cut));
      expect(lines.lines).to.deep.equal([
        { level: 'info', role: 'worker', workerId: 1, pid: 7, message: 'hi', fields: { size: 3 } },
        { level: 'info', role: 'stdout', pid: 0, message: 'plain text' },
      ]);
    }
  });

  it('knows the living members of a group, and kills them', async () => {
    const parent = spawn(
      process.execPath,
      ['-e', `require('child_process').spawn('sleep', ['60']); console.log('up')`],
      {
        detached: true,
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const group = new ProcessGroup(parent.pid!);
    await once(parent.stdout, 'data');
    expect(group.members().length).to.be.at.least(1);
    expect(group.members()).to.include(parent.pid);
    group.kill();
    await new RealWaiting(() => 'none').until(
      () => group.members().length === 0,
      () => 'an empty group',
    );
    group.forget();
  });

  it('gives up waiting at its deadline, with what was expected', async () => {
    const waiting = new RealWaiting(() => 'the log');
    const message = await waiting
      .until(
        () => false,
        () => 'a miracle',
        20,
      )
      .catch((error: Error) => error.message);
    expect(message).to.equal('expected a miracle, not within 20 ms; the log');
  });

  it('plays a client over a real socket, half-open included', async () => {
    const waiting = new RealWaiting(() => 'no log');
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      socket.write('hello\n');
      socket.on('end', () => socket.end('bye\n'));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const stream = await RealStream.connect({ host: '127.0.0.1', port, from: '127.0.0.9' }, () =>
      waiting.poke(),
    );
    const client = new ScriptedClient(0, stream, waiting, () => {});
    expect(await client.receiveLine()).to.equal('hello');
    client.end();
    expect(await client.receiveLine()).to.equal('bye');
    await client.closed();
    expect(client.state).to.equal('closed');
    server.close();
    await once(server, 'close');
  });
});
