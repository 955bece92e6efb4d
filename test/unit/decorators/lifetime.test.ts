import { expect } from 'chai';
import { Lifetime } from '@shoal/decorators/internal/lifetime';

/** An object that notes its disposal, a turn late. */
function disposable(name: string, log: string[]): { dispose(): Promise<void> } {
  return {
    async dispose() {
      log.push(`${name} begins`);
      await Promise.resolve();
      log.push(`${name} ends`);
    },
  };
}

describe('Lifetime', () => {
  it('disposes the youngest first, each after the one before has settled', async () => {
    const lifetime = new Lifetime();
    const log: string[] = [];
    lifetime.made('a', disposable('a', log));
    lifetime.made('b', disposable('b', log));

    expect(await lifetime.end()).to.deep.equal([]);
    expect(log).to.deep.equal(['b begins', 'b ends', 'a begins', 'a ends']);
  });

  it('goes on after a failure and returns it', async () => {
    const lifetime = new Lifetime();
    const log: string[] = [];
    const error = new Error('stuck');
    lifetime.made('a', disposable('a', log));
    lifetime.made('b', {}, () => {
      throw error;
    });
    lifetime.made('c', {}, () => Promise.reject(error));

    expect(await lifetime.end()).to.deep.equal([
      { name: 'c', error },
      { name: 'b', error },
    ]);
    expect(log).to.deep.equal(['a begins', 'a ends']);
  });

  it('prefers the disposal that was given, then asyncDispose, then dispose', async () => {
    const log: string[] = [];
    const both = {
      dispose: () => log.push('dispose'),
      [Symbol.asyncDispose]: () => log.push('asyncDispose'),
    };
    const lifetime = new Lifetime();
    lifetime.made('method', { dispose: () => log.push('dispose') });
    lifetime.made('symbol', both);
    lifetime.made('given', both, () => log.push('given'));
    await lifetime.end();

    expect(log).to.deep.equal(['given', 'asyncDispose', 'dispose']);
  });

  it('disposes an object once, however many tokens stand for it', async () => {
    const lifetime = new Lifetime();
    const log: string[] = [];
    const object = disposable('a', log);
    lifetime.made('a', object);
    lifetime.made('alias', object);
    await lifetime.end();

    expect(log).to.deep.equal(['a begins', 'a ends']);
  });

  it('never disposes what was lent', async () => {
    const lifetime = new Lifetime();
    const log: string[] = [];
    const object = disposable('a', log);
    lifetime.lent(object);
    lifetime.made('alias', object);
    await lifetime.end();

    expect(log).to.deep.equal([]);
  });

  it('disposes equal numbers by the functions given for them', async () => {
    const lifetime = new Lifetime();
    const log: string[] = [];
    lifetime.made('a', 1, () => log.push('a'));
    lifetime.made('b', 1, () => log.push('b'));
    await lifetime.end();

    expect(log).to.deep.equal(['b', 'a']);
  });

  it('lets a second end wait for the first, and disposes nothing twice', async () => {
    const lifetime = new Lifetime();
    const log: string[] = [];
    lifetime.made('a', disposable('a', log));
    void lifetime.end();
    await lifetime.end();

    expect(log).to.deep.equal(['a begins', 'a ends']);
  });

  it('disposes what is made after its end when it ends again', async () => {
    const lifetime = new Lifetime();
    const log: string[] = [];
    await lifetime.end();
    lifetime.made('late', disposable('late', log));
    await lifetime.end();

    expect(log).to.deep.equal(['late begins', 'late ends']);
  });

  it('holds one instance of a class, and nothing after its end', async () => {
    class Session {
      dispose(): void {}
    }
    const lifetime = new Lifetime();
    const first = lifetime.one(Session, () => new Session());

    expect(lifetime.one(Session, () => new Session())).to.equal(first);
    expect(lifetime.held).to.equal(1);
    await lifetime.end();
    expect(lifetime.held).to.equal(0);
  });
});
