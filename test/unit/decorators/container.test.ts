import { expect } from 'chai';
import { Logger } from '@shoal/core';
import { Handler, Injectable, inject, type OverrideRegistry, type Resolver } from '@shoal/decorators';
import { injectable, inject as tsyringeInject, singleton } from 'tsyringe';
import { boot, bootError } from './container-fixture.js';

describe('The container of a process', () => {
  it('makes one instance of each injected class', async () => {
    @Injectable()
    class Rooms {}
    @Injectable()
    class Lobby {
      constructor(readonly rooms: Rooms) {}
    }
    @Handler()
    class Chat {
      constructor(
        readonly rooms: Rooms,
        readonly lobby: Lobby,
      ) {}
    }
    @Handler()
    class Admin {
      constructor(readonly rooms: Rooms) {}
    }
    const { get } = await boot({ types: [Chat, Admin] });

    expect(get(Chat)).to.be.instanceOf(Chat);
    expect(get(Chat)).to.equal(get(Chat));
    expect(get(Chat).rooms).to.be.instanceOf(Rooms);
    expect(get(Chat).lobby.rooms).to.equal(get(Chat).rooms);
    expect(get(Admin).rooms).to.equal(get(Chat).rooms);
  });

  it('shares no instance with another process in the same realm, classes of tsyringe included', async () => {
    @singleton()
    class Single {}
    @injectable()
    class Plain {
      constructor(
        readonly single: Single,
        @tsyringeInject('url') readonly url: string,
      ) {}
    }
    @Handler()
    class Chat {
      constructor(
        readonly plain: Plain,
        readonly single: Single,
      ) {}
    }
    const what = { types: [Chat], providers: [{ provide: 'url', useValue: 'db://' }] };
    const one = await boot(what);
    const two = await boot(what);

    expect(one.get(Chat).plain.single).to.equal(one.get(Chat).single);
    expect(one.get(Chat).plain.url).to.equal('db://');
    expect(one.get(Chat)).not.to.equal(two.get(Chat));
    expect(one.get(Chat).plain).not.to.equal(two.get(Chat).plain);
    expect(one.get(Chat).single).not.to.equal(two.get(Chat).single);
  });

  it('injects what the kernel binds, and never disposes it', async () => {
    class Server {
      disposed = false;
      dispose(): void {
        this.disposed = true;
      }
    }
    @Handler()
    class Chat {
      constructor(
        readonly logger: Logger,
        readonly server: Server,
      ) {}
    }
    const server = new Server();
    const { container, get } = await boot({
      types: [Chat],
      providers: [{ provide: 'same', useFactory: (c) => c.get(Server) }],
      bindings: [[Server, server]],
    });

    expect(get(Chat).logger).to.be.instanceOf(Logger);
    expect(get(Chat).server).to.equal(server);
    await container.dispose();
    expect(server.disposed).to.equal(false);
  });

  it('builds a class without decorators if its constructor asks for nothing', async () => {
    class Rooms {}
    @Handler()
    class Chat {
      constructor(
        readonly rooms: Rooms,
        readonly limit = 10,
        readonly names = new Map<string, string>(),
      ) {}
    }
    const { get } = await boot({ types: [Chat] });

    expect(get(Chat).rooms).to.be.instanceOf(Rooms);
    expect(get(Chat).limit).to.equal(10);
    expect(get(Chat).names).to.be.instanceOf(Map);
  });

  it('needs no emitted metadata where every parameter carries @inject', async () => {
    class Rooms {}
    // As esbuild compiles it: decorators run, types are gone.
    const Chat = class Chat {
      constructor(
        readonly url: string,
        readonly rooms: Rooms,
      ) {}
    };
    inject('url')(Chat, undefined, 0);
    inject(Rooms)(Chat, undefined, 1);
    Handler(Chat);
    const { get } = await boot({ types: [Chat], providers: [{ provide: 'url', useValue: 'db://' }] });

    expect(get(Chat).url).to.equal('db://');
    expect(get(Chat).rooms).to.be.instanceOf(Rooms);
  });

  it('passes the parameters of an inherited constructor', async () => {
    @Injectable()
    class Rooms {}
    @Handler()
    class Base {
      constructor(
        readonly rooms: Rooms,
        @inject('url') readonly url: string,
      ) {}
    }
    @Handler()
    class Chat extends Base {}
    const { get } = await boot({ types: [Chat], providers: [{ provide: 'url', useValue: 'db://' }] });

    expect(get(Chat).rooms).to.be.instanceOf(Rooms);
    expect(get(Chat).url).to.equal('db://');
  });

  it('passes nothing to a constructor without parameters whose base has some', async () => {
    @Injectable()
    class Base {
      constructor(readonly limit: number) {}
    }
    @Handler()
    class Chat extends Base {
      constructor(...rest: Base[]) {
        super(rest.length);
      }
    }
    const Undecorated = class extends Base {
      constructor() {
        super(7);
      }
    };
    const { get } = await boot({ types: [Chat, Undecorated] });

    expect(get(Chat).limit).to.equal(0);
    expect(get(Undecorated).limit).to.equal(7);
  });

  it('passes through the constructor that a decorator wrapped around a class', async () => {
    class Rooms {}
    @Injectable()
    class Chat {
      constructor(readonly rooms: Rooms) {}
    }
    class Wrapped extends Chat {
      readonly count: number;
      constructor(...args: [Rooms]) {
        super(...args);
        this.count = args.length;
      }
    }
    const { get } = await boot({ types: [Wrapped] });

    expect(get(Wrapped).rooms).to.be.instanceOf(Rooms);
    expect(get(Wrapped).count).to.equal(1);
  });

  it('refuses a pattern for want of a type, even with defaults inside', async () => {
    @Handler()
    class Chat {
      constructor({ limit = 10 }: { readonly limit?: number }) {
        void limit;
      }
    }

    expect((await bootError({ types: [Chat] })).message).to.include(
      'Chat, parameter 1: its type was recorded as',
    );
  });

  it('makes a transient class anew for each parameter, and answers the kernel with one', async () => {
    @Injectable({ scope: 'transient' })
    class Counter {}
    @Handler()
    class Chat {
      constructor(
        readonly first: Counter,
        readonly second: Counter,
      ) {}
    }
    const { get } = await boot({ types: [Chat, Counter] });

    expect(get(Chat).first).to.be.instanceOf(Counter);
    expect(get(Chat).first).not.to.equal(get(Chat).second);
    expect(get(Counter)).to.equal(get(Counter));
  });

  it('refuses a class that it was not asked to build', async () => {
    class Stranger {}
    const { container } = await boot({});

    expect(() => container.resolve(Stranger)).to.throw('Stranger was not built');
  });

  describe('with providers', () => {
    it('takes values, undefined and null included', async () => {
      const nothing = Symbol('nothing');
      @Handler()
      class Chat {
        constructor(
          @inject('url') readonly url: string,
          @inject(nothing) readonly nothing: undefined,
          @inject('null') readonly none: null,
        ) {}
      }
      const { get } = await boot({
        types: [Chat],
        providers: [
          { provide: 'url', useValue: 'db://' },
          { provide: nothing, useValue: undefined },
          { provide: 'null', useValue: null },
        ],
      });

      expect(get(Chat)).to.deep.include({ url: 'db://', nothing: undefined, none: null });
    });

    it('lets a token stand for the one instance of another class', async () => {
      abstract class Store {}
      @Injectable()
      class MemoryStore extends Store {}
      @Handler()
      class Chat {
        constructor(
          readonly store: Store,
          @inject('store') readonly named: Store,
          readonly memory: MemoryStore,
        ) {}
      }
      const { get } = await boot({
        types: [Chat],
        providers: [
          { provide: Store, useClass: MemoryStore },
          { provide: 'store', useClass: MemoryStore },
        ],
      });

      expect(get(Chat).store).to.be.instanceOf(MemoryStore);
      expect(get(Chat).named).to.equal(get(Chat).store);
      expect(get(Chat).memory).to.equal(get(Chat).store);
    });

    it('takes the last of several for one token', async () => {
      @Handler()
      class Chat {
        constructor(@inject('url') readonly url: string) {}
      }
      const { get } = await boot({
        types: [Chat],
        providers: [
          { provide: 'url', useValue: 'first' },
          { provide: 'url', useValue: 'last' },
        ],
      });

      expect(get(Chat).url).to.equal('last');
    });

    it('awaits factories before what depends on them is made', async () => {
      const log: string[] = [];
      class Db {
        constructor(readonly url: string) {
          log.push('Db');
        }
      }
      @Injectable()
      class Rooms {
        constructor(readonly db: Db) {
          log.push('Rooms');
        }
      }
      @Handler()
      class Chat {
        constructor(
          readonly rooms: Rooms,
          readonly db: Db,
        ) {
          log.push('Chat');
        }
      }
      const { get } = await boot({
        types: [Chat],
        providers: [
          {
            provide: Db,
            useFactory: async (c) => {
              log.push('connecting');
              return new Db(await c.get<string>('url'));
            },
          },
          {
            provide: 'url',
            useFactory: async () => {
              await new Promise(setImmediate);
              log.push('url');
              return 'db://';
            },
          },
        ],
      });

      expect(log).to.deep.equal(['connecting', 'url', 'Db', 'Rooms', 'Chat']);
      expect(get(Chat).db.url).to.equal('db://');
      expect(get(Chat).rooms.db).to.equal(get(Chat).db);
    });

    it('runs a factory once, and only where something needs it', async () => {
      let needed = 0;
      let unneeded = 0;
      @Handler()
      class Chat {
        constructor(@inject('a') readonly a: number) {}
      }
      @Handler()
      class Admin {
        constructor(@inject('a') readonly a: number) {}
      }
      await boot({
        types: [Chat, Admin],
        providers: [
          { provide: 'a', useFactory: () => ++needed },
          { provide: 'b', useFactory: () => ++unneeded },
        ],
      });

      expect([needed, unneeded]).to.deep.equal([1, 0]);
    });

    it('gives factories classes, aliases and transients, made on demand', async () => {
      class Rooms {}
      @Injectable({ scope: 'transient' })
      class Counter {}
      const got: unknown[] = [];
      @Handler()
      class Chat {
        constructor(
          @inject('made') readonly made: string,
          readonly rooms: Rooms,
        ) {}
      }
      const { get } = await boot({
        types: [Chat],
        providers: [
          { provide: 'rooms', useClass: Rooms },
          {
            provide: 'made',
            useFactory: async (c) => {
              got.push(
                ...(await Promise.all([c.get(Rooms), c.get('rooms'), c.get(Counter), c.get(Counter)])),
              );
              return 'made';
            },
          },
        ],
      });

      const [rooms, alias, first, second] = got;
      expect(rooms).to.equal(get(Chat).rooms);
      expect(alias).to.equal(rooms);
      expect(first).to.be.instanceOf(Counter);
      expect(first).not.to.equal(second);
    });

    it('answers a factory that asks later', async () => {
      class Rooms {}
      @Handler()
      class Chat {
        constructor(@inject('lazy') readonly lazy: () => Promise<Rooms>) {}
      }
      const { get } = await boot({
        types: [Chat],
        providers: [{ provide: 'lazy', useFactory: (c: Resolver) => () => c.get(Rooms) }],
      });

      expect(await get(Chat).lazy()).to.be.instanceOf(Rooms);
    });
  });

  describe('with overrides', () => {
    class Rooms {
      readonly name: string = 'real';
    }
    class FakeRooms extends Rooms {
      override readonly name = 'fake';
    }
    @Handler()
    class Chat {
      constructor(readonly rooms: Rooms) {}
    }

    it('puts a class, a value or a factory in the place of a class', async () => {
      const value = new FakeRooms();
      const byClass = await boot({
        types: [Chat],
        override: (c) => c.register(Rooms, { useClass: FakeRooms }),
      });
      const byValue = await boot({ types: [Chat], override: (c) => c.register(Rooms, { useValue: value }) });
      const byFactory = await boot({
        types: [Chat],
        override: (c) => c.register(Rooms, { useFactory: async () => new FakeRooms() }),
      });

      expect(byClass.get(Chat).rooms.name).to.equal('fake');
      expect(byValue.get(Chat).rooms).to.equal(value);
      expect(byFactory.get(Chat).rooms.name).to.equal('fake');
    });

    it('goes before providers and before what the kernel binds', async () => {
      @Handler()
      class Admin {
        constructor(
          readonly logger: Logger,
          @inject('url') readonly url: string,
        ) {}
      }
      const { get } = await boot({
        types: [Admin],
        providers: [{ provide: 'url', useValue: 'db://real' }],
        override: (c) =>
          c.register('url', { useValue: 'db://fake' }).register(Logger, { useValue: 'a logger' }),
      });

      expect(get(Admin)).to.deep.include({ url: 'db://fake', logger: 'a logger' });
    });

    it('is called once for each process', async () => {
      const override = (c: OverrideRegistry): unknown => c.register(Rooms, { useValue: new FakeRooms() });
      const one = await boot({ types: [Chat], override });
      const two = await boot({ types: [Chat], override });

      expect(one.get(Chat).rooms).not.to.equal(two.get(Chat).rooms);
    });

    it('replaces a handler itself', async () => {
      @Handler()
      class FakeChat extends Chat {}
      const { get } = await boot({
        types: [Chat],
        override: (c) => c.register(Chat, { useClass: FakeChat }),
      });

      expect(get(Chat)).to.be.instanceOf(FakeChat);
    });

    it('refuses what is no replacement', async () => {
      const error = await bootError({
        types: [Chat],
        override: (c) => c.register(Rooms, {} as { useValue: unknown }),
      });

      expect(error).to.include({ code: 'CONFIG_INVALID' });
      expect(error.message).to.include('register(Rooms, …)').and.to.include('Write exactly one');
    });
  });

  describe('when it is disposed', () => {
    it('disposes what it made in reverse order, each after the one before', async () => {
      const log: string[] = [];
      class Base {
        async dispose(): Promise<void> {
          log.push(`${this.constructor.name} begins`);
          await new Promise(setImmediate);
          log.push(`${this.constructor.name} ends`);
        }
      }
      @Injectable()
      class Db extends Base {}
      @Injectable({ scope: 'transient' })
      class Cursor extends Base {
        constructor(readonly db: Db) {
          super();
        }
      }
      @Handler()
      class Chat extends Base {
        constructor(
          readonly cursor: Cursor,
          @inject('pool') readonly pool: string,
        ) {
          super();
        }
      }
      const { container } = await boot({
        types: [Chat],
        providers: [
          {
            provide: 'pool',
            useFactory: async () => 'pool',
            dispose: async (pool) => log.push(`${String(pool)} disposed`),
          },
        ],
      });
      await container.dispose();

      // Transients are made when what asks for them is.
      expect(log).to.deep.equal([
        'Chat begins',
        'Chat ends',
        'Cursor begins',
        'Cursor ends',
        'pool disposed',
        'Db begins',
        'Db ends',
      ]);
    });

    it('leaves values alone that it did not make', async () => {
      const log: string[] = [];
      const value = { dispose: () => log.push('value') };
      @Handler()
      class Chat {
        constructor(@inject('value') readonly value: object) {}
      }
      const { container } = await boot({ types: [Chat], providers: [{ provide: 'value', useValue: value }] });
      await container.dispose();

      expect(log).to.deep.equal([]);
    });

    it('logs a disposal that fails and goes on', async () => {
      const log: string[] = [];
      @Injectable()
      class Db {
        dispose(): void {
          log.push('Db');
        }
      }
      @Handler()
      class Chat {
        constructor(readonly db: Db) {}
        dispose(): void {
          throw new Error('stuck');
        }
      }
      const { container, lines } = await boot({ types: [Chat] });
      await container.dispose();

      expect(log).to.deep.equal(['Db']);
      expect(lines).to.deep.equal(['Chat could not be disposed: Error: stuck']);
    });

    it('does so once, and builds nothing any more', async () => {
      let disposed = 0;
      @Handler()
      class Chat {
        dispose(): void {
          disposed++;
        }
      }
      const { container } = await boot({ types: [Chat] });
      await Promise.all([container.dispose(), container.dispose()]);

      expect(disposed).to.equal(1);
      expect(container.held).to.equal(0);
      expect(() => container.resolve(Chat)).to.throw('Chat is gone');
    });
  });

  describe('when a boot fails', () => {
    it('says what could not be made and why, and disposes what was', async () => {
      const log: string[] = [];
      @Injectable()
      class Rooms {
        dispose(): void {
          log.push('Rooms disposed');
        }
      }
      @Injectable()
      class Lobby {
        constructor(@inject('db') readonly db: object) {}
      }
      @Handler()
      class Chat {
        constructor(
          readonly rooms: Rooms,
          readonly lobby: Lobby,
        ) {}
      }
      const cause = new Error('connection refused');
      const error = await bootError({
        types: [Chat],
        providers: [{ provide: 'db', useFactory: () => Promise.reject(cause) }],
      });

      expect(error).to.include({ code: 'BOOT_FAILED', cause });
      expect(error.message).to.equal("'db' could not be made (Chat → Lobby → 'db'): connection refused");
      expect(log).to.deep.equal(['Rooms disposed']);
    });

    it('says the same of a constructor that throws', async () => {
      @Injectable()
      class Rooms {
        constructor() {
          throw new Error('no room');
        }
      }
      @Handler()
      class Chat {
        constructor(readonly rooms: Rooms) {}
      }
      const error = await bootError({ types: [Chat] });

      expect(error.message).to.equal('Rooms could not be made (Chat → Rooms): no room');
    });

    it('disposes what a factory that was still at work makes afterwards', async () => {
      let open: (value: string) => void = () => {};
      const gate = new Promise<string>((resolve) => (open = resolve));
      let closed: (value: unknown) => void = () => {};
      const disposal = new Promise<unknown>((resolve) => (closed = resolve));
      @Handler()
      class Chat {
        constructor(@inject('both') readonly both: unknown) {}
      }
      await bootError({
        types: [Chat],
        providers: [
          { provide: 'both', useFactory: (c) => Promise.all([c.get('slow'), c.get('failing')]) },
          { provide: 'slow', useFactory: () => gate, dispose: (value) => closed(value) },
          { provide: 'failing', useFactory: () => Promise.reject(new Error('refused')) },
        ],
      });
      open('late');

      expect(await disposal).to.equal('late');
    });
  });
});
