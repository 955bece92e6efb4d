import { expect } from 'chai';
import {
  ConfigError,
  ExitCode,
  exitCodeOf,
  fromWire,
  HandlerError,
  ProcessError,
  ProtocolError,
  toWire,
} from '@shoal/core/internal/errors';

describe('errors', () => {
  it('carry the name of their class, their code and their cause', () => {
    const cause = new Error('deeper');
    for (const error of [
      new ConfigError('CONFIG_INVALID', 'text', { cause }),
      new ProtocolError('PACKET_TOO_LONG', 'text', { cause }),
      new HandlerError('SEND_INVALID', 'text', { cause }),
      new ProcessError('PIPE_BROKEN', 'text', { cause }),
    ]) {
      expect(error).to.be.instanceOf(Error);
      expect(error.name).to.equal(error.constructor.name);
      expect(error.message).to.equal('text');
      expect(error.cause).to.equal(cause);
    }
  });

  it('cross a process boundary with name, code, message, stack and causes', () => {
    const error = new ProcessError('BOOT_FAILED', 'outer', {
      cause: new TypeError('middle', { cause: 'a plain word' }),
    });
    const there = fromWire(JSON.parse(JSON.stringify(toWire(error))) as ReturnType<typeof toWire>);
    expect(there).to.be.instanceOf(Error);
    expect(there.name).to.equal('ProcessError');
    expect(there.code).to.equal('BOOT_FAILED');
    expect(there.message).to.equal('outer');
    expect(there.stack).to.equal(error.stack);
    const middle = there.cause as Error;
    expect([middle.name, middle.message]).to.deep.equal(['TypeError', 'middle']);
    expect((middle.cause as Error).message).to.equal('a plain word');
  });

  it('keep the code of a system error, and leave out one that is no string', () => {
    expect(toWire(Object.assign(new Error('in use'), { code: 'EADDRINUSE' })).code).to.equal('EADDRINUSE');
    expect(toWire(Object.assign(new Error('odd'), { code: 5 }))).to.not.have.property('code');
    expect(fromWire({ name: 'Error', message: 'bare' })).to.not.have.property('code');
  });

  it('make an error of whatever was thrown', () => {
    expect(toWire('a word')).to.deep.equal({ name: 'Error', message: 'a word' });
    expect(toWire(undefined)).to.deep.equal({ name: 'Error', message: 'undefined' });
    expect(toWire(Symbol('s')).message).to.equal('Symbol(s)');
  });

  it('carry what can be read of an error whose fields are odd, and never fail at it', () => {
    const odd = (field: string, value: unknown): Error =>
      Object.defineProperty(new Error('x'), field, { value });
    const broken = (field: string): Error =>
      Object.defineProperty(new Error('x'), field, {
        get() {
          throw new Error('of the getter');
        },
      });
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    const circle: { self?: unknown } = {};
    circle.self = circle;
    const thrown = [
      ...['name', 'message', 'stack', 'code', 'cause'].map(broken),
      ...['name', 'message', 'stack', 'code'].flatMap((field) =>
        [undefined, null, 5, 5n, circle, Object.create(null)].map((value) => odd(field, value)),
      ),
      revoked.proxy,
    ];
    for (const error of thrown) {
      const wire = JSON.parse(JSON.stringify(toWire(error))) as ReturnType<typeof toWire>;
      expect(wire.name).to.equal('Error');
      expect(wire.message).to.be.a('string');
      expect(fromWire(wire)).to.be.instanceOf(Error);
    }
    expect(toWire(broken('stack'))).to.deep.equal({ name: 'Error', message: 'x' });
    expect(toWire(odd('message', undefined)).message).to.equal('undefined');
  });

  it('carries 65 536 characters of a message and of a stack, and says how much it leaves out of a longer one', () => {
    const error = new Error('m'.repeat(65_536));
    error.stack = 's'.repeat(65_536);
    expect(toWire(error)).to.include({ message: error.message, stack: error.stack });
    const longer = new Error('m'.repeat(65_537));
    longer.stack = 's'.repeat(65_546);
    expect(toWire(longer)).to.include({
      message: `${'m'.repeat(65_536)}… and 1 characters more`,
      stack: `${'s'.repeat(65_536)}… and 10 characters more`,
    });
  });

  it('have the exit code that tells the operator who must act', () => {
    expect(exitCodeOf(new ConfigError('CONFIG_INVALID', ''))).to.equal(ExitCode.config);
    expect(exitCodeOf(new ProcessError('LISTEN_FAILED', ''))).to.equal(ExitCode.listenFailed);
    expect(exitCodeOf(new ProcessError('BOOT_FAILED', ''))).to.equal(ExitCode.gaveUp);
    expect(exitCodeOf(fromWire(toWire(new ProcessError('BOOT_TIMEOUT', ''))))).to.equal(ExitCode.gaveUp);
    expect(exitCodeOf(new ProcessError('REACTOR_DIED', ''))).to.equal(ExitCode.internal);
    expect(exitCodeOf('no error at all')).to.equal(ExitCode.internal);
  });
});
