import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { Connection } from '@shoal/core';
import { Handler, Injectable, inject } from '@shoal/decorators';
import { boot, bootError, connection } from './container-fixture.js';

@Injectable()
class Rooms {}

@Injectable({ scope: 'connection' })
class Account {
  static disposed = 0;
  constructor(
    readonly connection: Connection,
    readonly rooms: Rooms,
  ) {}
  async dispose(): Promise<void> {
    Account.disposed++;
  }
}

@Injectable({ scope: 'transient' })
class Cursor {
  static disposed = 0;
  constructor(readonly account: Account) {}
  dispose(): void {
    Cursor.disposed++;
  }
}

@Handler({ scope: 'connection' })
class Session {
  constructor(
    readonly account: Account,
    readonly first: Cursor,
    readonly second: Cursor,
    readonly connection: Connection,
    readonly rooms: Rooms,
  ) {}
}

@Handler({ scope: 'connection' })
class Audit {
  constructor(readonly account: Account) {}
}

const what = { connectionTypes: [Session, Audit] };

describe('The scope of a connection', () => {
  it('makes one instance of a class for its connection, and others for others', async () => {
    const { container } = await boot(what);
    const [mine, yours] = [connection(), connection()];
    const one = container.openScope([[Connection, mine]]);
    const two = container.openScope([[Connection, yours]]);
    const session = one.resolve(Session) as Session;
    const audit = one.resolve(Audit) as Audit;
    const other = two.resolve(Session) as Session;

    expect(one.resolve(Session)).to.equal(session);
    expect(audit.account).to.equal(session.account);
    expect(session.first.account).to.equal(session.account);
    expect(session.first).not.to.equal(session.second);
    expect(session.connection).to.equal(mine);
    expect(session.account.connection).to.equal(mine);
    expect(other).not.to.equal(session);
    expect(other.account).not.to.equal(session.account);
    expect(other.account.connection).to.equal(yours);
  });

  it('takes process-wide objects from the process, made at boot', async () => {
    let made = 0;
    class Counted {
      constructor() {
        made++;
      }
    }
    @Handler({ scope: 'connection' })
    class Counting {
      constructor(readonly counted: Counted) {}
    }
    const { container } = await boot({ connectionTypes: [Counting] });
    expect(made).to.equal(1);
    const one = container.openScope([[Connection, connection()]]).resolve(Counting) as Counting;
    const two = container.openScope([[Connection, connection()]]).resolve(Counting) as Counting;

    expect(one.counted).to.equal(two.counted);
    expect(made).to.equal(1);
  });

  it('makes an instance on first use and not before', async () => {
    let made = 0;
    @Handler({ scope: 'connection' })
    class Lazy {
      constructor() {
        made++;
      }
    }
    const { container } = await boot({ connectionTypes: [Lazy] });
    const scope = container.openScope([[Connection, connection()]]);
    expect(made).to.equal(0);
    scope.resolve(Lazy);
    expect(made).to.equal(1);
  });

  it('disposes its own objects in reverse order, and leaves those of the process', async () => {
    const log: string[] = [];
    class Noted {
      async dispose(): Promise<void> {
        await Promise.resolve();
        log.push(this.constructor.name);
      }
    }
    @Injectable()
    class Shared extends Noted {}
    @Injectable({ scope: 'connection' })
    class User extends Noted {
      constructor(readonly shared: Shared) {
        super();
      }
    }
    @Handler({ scope: 'connection' })
    class Login extends Noted {
      constructor(readonly user: User) {
        super();
      }
    }
    const { container } = await boot({ connectionTypes: [Login] });
    const scope = container.openScope([[Connection, connection()]]);
    scope.resolve(Login);
    await scope.dispose();
    expect(log).to.deep.equal(['Login', 'User']);
    await container.dispose();
    expect(log).to.deep.equal(['Login', 'User', 'Shared']);
  });

  it('logs a disposal that fails and goes on', async () => {
    @Handler({ scope: 'connection' })
    class Failing {
      constructor(readonly account: Account) {}
      dispose(): never {
        throw new Error('stuck');
      }
    }
    const { container, lines } = await boot({ connectionTypes: [Failing] });
    const before = Account.disposed;
    const scope = container.openScope([[Connection, connection()]]);
    scope.resolve(Failing);
    await scope.dispose();

    expect(lines).to.deep.equal(['Failing could not be disposed: Error: stuck']);
    expect(Account.disposed).to.equal(before + 1);
  });

  it('never disposes the connection', async () => {
    const { container } = await boot(what);
    const peer = Object.assign(connection(), { dispose: () => expect.fail('the connection was disposed') });
    const scope = container.openScope([[Connection, peer]]);
    scope.resolve(Session);
    await scope.dispose();
  });

  it('passes on what a constructor throws, and tries again at the next use', async () => {
    let attempts = 0;
    @Handler({ scope: 'connection' })
    class Moody {
      constructor() {
        if (++attempts === 1) throw new RangeError('not now');
      }
    }
    const { container } = await boot({ connectionTypes: [Moody] });
    const scope = container.openScope([[Connection, connection()]]);

    expect(() => scope.resolve(Moody)).to.throw(RangeError, 'not now');
    expect(scope.resolve(Moody)).to.be.instanceOf(Moody);
  });

  it('is over when it is disposed', async () => {
    const { container } = await boot(what);
    const scope = container.openScope([[Connection, connection()]]);
    await scope.dispose();
    await scope.dispose();

    expect(() => scope.resolve(Session)).to.throw('Session is gone');
  });

  it('refuses a class that is not of this process', async () => {
    class Stranger {}
    const { container } = await boot(what);

    expect(() => container.openScope([]).resolve(Stranger)).to.throw('Stranger was not built');
  });

  it('lasts as long for a replacement that names no scope', async () => {
    class FakeAccount {
      readonly fake = true;
    }
    const { container } = await boot({
      ...what,
      override: (c) => c.register(Account, { useClass: FakeAccount }),
    });
    const one = container.openScope([[Connection, connection()]]).resolve(Session) as Session;
    const two = container.openScope([[Connection, connection()]]).resolve(Session) as Session;

    expect(one.account).to.be.instanceOf(FakeAccount);
    expect(one.first.account).to.equal(one.account);
    expect(two.account).not.to.equal(one.account);
  });

  it('leaves nothing behind in 300 connections', async () => {
    const { container } = await boot(what);
    const held = container.held;
    const [accounts, cursors] = [Account.disposed, Cursor.disposed];
    const made: WeakRef<object>[] = [];
    for (let count = 0; count < 300; count++) {
      const peer = connection();
      const scope = container.openScope([[Connection, peer]]);
      const session = scope.resolve(Session) as Session;
      for (const object of [scope, peer, session, session.account, session.first])
        made.push(new WeakRef(object));
      await scope.dispose();
    }

    expect(Account.disposed - accounts).to.equal(300);
    expect(Cursor.disposed - cursors).to.equal(600);
    expect(container.held).to.equal(held);
    await collectGarbage();
    // The engine may keep the last few in registers and caches; a leak keeps all.
    expect(made.filter((reference) => reference.deref() !== undefined)).to.have.lengthOf.at.most(50);
  });
});

describe('A scope that is too short', () => {
  it('is refused where a process-wide class injects a connection-scoped one', async () => {
    @Injectable()
    class Lobby {
      constructor(readonly account: Account) {}
    }
    @Handler()
    class Chat {
      constructor(readonly lobby: Lobby) {}
    }
    const error = await bootError({ types: [Chat] });

    expect(error).to.include({ name: 'ConfigError', code: 'CONFIG_SCOPE' });
    expect(error.message).to.equal(
      [
        'A dependency of the worker cannot be injected:',
        '- Lobby exists once in a process and cannot hold Account, which exists once for each connection.',
        '  path:   Chat → Lobby → Account',
        "  remedy: give Lobby the scope 'connection' (@Injectable({ scope: 'connection' }), " +
          "@Handler({ scope: 'connection' })), or pass Account to its methods.",
      ].join('\n'),
    );
  });

  it('is refused through transients and aliases', async () => {
    @Handler()
    class Chat {
      constructor(readonly cursor: Cursor) {}
    }
    class Alias {}
    @Handler()
    class Admin {
      constructor(readonly account: Alias) {}
    }
    const error = await bootError({
      types: [Chat, Admin],
      providers: [{ provide: Alias, useClass: Account }],
    });

    expect(error).to.include({ code: 'CONFIG_SCOPE' });
    expect(error.message).to.include('path:   Chat → Cursor → Account');
    expect(error.message).to.include('path:   Admin → Alias → Account');
  });

  it('is refused where a process-wide class injects the connection', async () => {
    @Handler()
    class Chat {
      constructor(readonly connection: Connection) {}
    }
    const error = await bootError({ types: [Chat] });

    expect(error.message).to.include('Chat exists once in a process and cannot hold Connection');
    expect(error.message).to.include('path:   Chat → Connection');
  });

  it('is refused where a factory asks for the connection', async () => {
    @Handler()
    class Chat {
      constructor(@inject('peer') readonly peer: unknown) {}
    }
    const error = await bootError({
      types: [Chat],
      providers: [{ provide: 'peer', useFactory: (c) => c.get(Connection) }],
    });

    expect(error).to.include({ code: 'CONFIG_SCOPE' });
    expect(error.message).to.include("path:   Chat → 'peer' → Connection");
  });

  it('is refused where a replacement of a process-wide class is connection-scoped', async () => {
    @Handler()
    class Chat {}
    @Handler({ scope: 'connection' })
    class ShortChat extends Chat {}
    const error = await bootError({
      types: [Chat],
      override: (c) => c.register(Chat, { useClass: ShortChat }),
    });

    expect(error).to.include({ code: 'CONFIG_SCOPE' });
    expect(error.message).to.include('path:   Chat → ShortChat');
  });

  it('is found at boot in what only connections need', async () => {
    @Injectable()
    class Lobby {
      constructor(readonly connection: Connection) {}
    }
    @Handler({ scope: 'connection' })
    class Login {
      constructor(readonly lobby: Lobby) {}
    }
    const error = await bootError({ connectionTypes: [Login] });

    expect(error.message).to.include('path:   Login → Lobby → Connection');
  });
});

/** One collection, however large the heap is that other tests have left: counting objects would walk it for each class. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  // References are held until the turn that has made or followed them is over.
  await new Promise(setImmediate);
  (runInNewContext('gc') as () => void)();
  setFlagsFromString('--no-expose-gc');
}
