import type { Interface as LineReader } from 'node:readline';
import 'reflect-metadata';
import { expect } from 'chai';
import { Handler, Injectable, inject } from '@shoal/decorators';
import { delay, inject as tsyringeInject, injectAll } from 'tsyringe';
import { boot, bootError } from './container-fixture.js';

interface Options {
  readonly limit: number;
}

describe('A dependency that cannot be injected', () => {
  it('is named with its class, parameter, path and remedy', async () => {
    class Rooms {
      constructor(readonly limit: Options) {}
    }
    @Injectable()
    class Lobby {
      constructor(
        readonly name: Map<string, string>,
        readonly rooms: Rooms,
      ) {}
    }
    @Handler()
    class Chat {
      constructor(readonly lobby: Lobby) {}
    }
    const error = await bootError({ types: [Chat] });

    expect(error).to.include({ name: 'ConfigError', code: 'CONFIG_DEPENDENCY' });
    expect(error.message).to.equal(
      [
        '2 dependencies of the worker cannot be injected:',
        '- Lobby, parameter 1 "name": its type is Map, which does not say which value is meant.',
        '  path:   Chat → Lobby',
        "  remedy: provide it under a token, { provide: 'name', useValue }, and ask for it by @inject('name').",
        '- Rooms, parameter 1 "limit": no type was recorded for it, because Rooms is not decorated.',
        '  path:   Chat → Lobby → Rooms',
        '  remedy: put @Injectable() on Rooms and compile with tsc; if it is not yours, ' +
          'add { provide: Rooms, useFactory } to the providers.',
      ].join('\n'),
    );
  });

  /** The one problem of a class, as what and remedy. */
  async function problemOf(
    type: Parameters<typeof Injectable>[0] & (abstract new (...args: never[]) => object),
  ) {
    const { message } = await bootError({
      types: [type],
      providers: [{ provide: 'databaseUrl', useValue: '' }],
    });
    const [, what, , remedy] = message.split('\n');
    return `${what?.slice(2)} ${remedy?.slice(10)}`;
  }

  it('by a type that `import type` erased asks for a value import', async () => {
    @Handler()
    class Chat {
      constructor(readonly reader: LineReader) {}
    }
    expect(await problemOf(Chat))
      .to.include('Chat, parameter 1 "reader": its type was recorded as Function.')
      .and.to.include('import it as a value, because `import type` erases it');
  });

  it('by an interface asks for a class or a token', async () => {
    @Handler()
    class Chat {
      constructor(readonly options: Options) {}
    }
    expect(await problemOf(Chat))
      .to.include('its type was recorded as Object')
      .and.to.include('ask for a class, or provide it under a token');
  });

  it('by a string, a number, an array or a promise asks for a token', async () => {
    @Handler()
    class Texts {
      constructor(readonly url: string) {}
    }
    @Handler()
    class Numbers {
      constructor(readonly limit: number) {}
    }
    @Handler()
    class Arrays {
      constructor(readonly names: string[]) {}
    }
    @Handler()
    class Promises {
      constructor(readonly db: Promise<object>) {}
    }
    for (const [type, name] of [
      [Texts, 'String'],
      [Numbers, 'Number'],
      [Arrays, 'Array'],
      [Promises, 'Promise'],
    ] as const) {
      expect(await problemOf(type))
        .to.include(`its type is ${name}, which does not say which value is meant.`)
        .and.to.include('@inject');
    }
  });

  it('of a class that was compiled without metadata asks for tsc or @inject', async () => {
    const Chat = class Chat {
      constructor(readonly rooms: object) {}
    };
    Handler(Chat);
    expect(await problemOf(Chat))
      .to.include('Chat, parameter 1 "rooms": no type was recorded for it')
      .and.to.include('compiled without decorator metadata')
      .and.to.include('esbuild')
      .and.to.include('@inject(Token)');
  });

  it('of a class where one parameter of two lacks @inject names that one', async () => {
    const Chat = class Chat {
      constructor(
        readonly url: string,
        readonly rooms: object,
      ) {}
    };
    Handler(Chat);
    inject('databaseUrl')(Chat, undefined, 0);
    expect(await problemOf(Chat)).to.include('Chat, parameter 2 "rooms": no type was recorded');
  });

  it('by a type that was undefined names the circle of imports', async () => {
    const Chat = class Chat {
      constructor(readonly rooms: object) {}
    };
    Handler(Chat);
    Reflect.defineMetadata('design:paramtypes', [undefined], Chat);
    expect(await problemOf(Chat))
      .to.include('its type was undefined when Chat was declared')
      .and.to.include('two modules import each other');
  });

  it('by a token that nobody provides offers the nearest one', async () => {
    @Handler()
    class Chat {
      constructor(@inject('databseUrl') readonly url: string) {}
    }
    expect(await problemOf(Chat))
      .to.include(`Chat, parameter 1 "url": nothing provides 'databseUrl'. Did you mean 'databaseUrl'?`)
      .and.to.include("add { provide: 'databseUrl', useClass | useValue | useFactory } to the providers");
  });

  it('by a symbol that nobody provides names the symbol, and guesses nothing far away', async () => {
    @Handler()
    class Chat {
      constructor(@inject(Symbol('clock')) readonly clock: object) {}
    }
    expect(await problemOf(Chat)).to.include('nothing provides Symbol(clock). add');
  });

  it('by a token with a default value is a problem all the same', async () => {
    @Handler()
    class Chat {
      constructor(@inject('limit') readonly limit = 10) {}
    }
    expect(await problemOf(Chat)).to.include("nothing provides 'limit'");
  });

  it('by what only tsyringe understands is refused', async () => {
    class Rooms {}
    @Handler()
    class Delayed {
      constructor(@tsyringeInject(delay(() => Rooms)) readonly rooms: Rooms) {}
    }
    @Handler()
    class All {
      constructor(@injectAll('rooms') readonly rooms: Rooms[]) {}
    }
    expect(await problemOf(Delayed))
      .to.include('its token is an object')
      .and.to.include('delay()');
    expect(await problemOf(All))
      .to.include('its token is an object')
      .and.to.include('injectAll()');
  });

  it('is told of at each place that asks for it', async () => {
    @Handler()
    class Chat {
      constructor(@inject('url') readonly url: string) {}
    }
    @Handler({ scope: 'connection' })
    class Session {
      constructor(@inject('url') readonly url: string) {}
    }
    const error = await bootError({ types: [Chat], connectionTypes: [Session] });

    expect(error.message).to.include('2 dependencies of the worker');
    expect(error.message).to.include('- Chat, parameter 1').and.to.include('- Session, parameter 1');
  });

  it('keeps everything from being made', async () => {
    let made = 0;
    @Handler()
    class Fine {
      constructor() {
        made++;
      }
    }
    @Handler()
    class Chat {
      constructor(readonly options: Options) {}
    }
    await bootError({ types: [Fine, Chat] });

    expect(made).to.equal(0);
  });

  describe('in a circle', () => {
    it('of classes is shown as such', async () => {
      class A {
        constructor(readonly b: object) {}
      }
      class B {
        constructor(readonly a: A) {}
      }
      inject(B)(A, undefined, 0);
      inject(A)(B, undefined, 0);
      @Handler()
      class Chat {
        constructor(readonly a: A) {}
      }
      const error = await bootError({ types: [Chat] });

      expect(error).to.include({ code: 'CONFIG_DEPENDENCY' });
      expect(error.message).to.include('These depend on each other in a circle: A → B → A.');
      expect(error.message).to.include('path:   Chat → A → B → A');
    });

    it('of providers is shown too', async () => {
      @Handler()
      class Chat {
        constructor(@inject('a') readonly a: object) {}
      }
      class B {}
      class C {}
      const error = await bootError({
        types: [Chat],
        providers: [
          { provide: 'a', useClass: B },
          { provide: B, useClass: C },
          { provide: C, useClass: B },
        ],
      });

      expect(error.message).to.include('in a circle: B → C → B.');
    });

    it('of factories is refused instead of waiting for ever', async () => {
      @Handler()
      class Chat {
        constructor(@inject('a') readonly a: object) {}
      }
      const error = await bootError({
        types: [Chat],
        providers: [
          { provide: 'a', useFactory: (c) => Promise.all([c.get('b'), c.get('c')]) },
          { provide: 'b', useFactory: (c) => c.get('c') },
          { provide: 'c', useFactory: (c) => c.get('b') },
        ],
      });

      expect(error).to.include({ code: 'CONFIG_DEPENDENCY' });
      expect(error.message).to.match(/in a circle: '(b' → 'c' → 'b|c' → 'b' → 'c)'\./);
    });

    it('of a factory and a class, or of a factory with itself, is refused', async () => {
      class Rooms {
        constructor(readonly db: object) {}
      }
      inject('db')(Rooms, undefined, 0);
      @Handler()
      class Chat {
        constructor(readonly rooms: Rooms) {}
      }
      const withClass = await bootError({
        types: [Chat],
        providers: [{ provide: 'db', useFactory: (c) => c.get(Rooms) }],
      });
      const withItself = await bootError({
        types: [Chat],
        providers: [{ provide: 'db', useFactory: (c) => c.get('db') }],
      });

      expect(withClass.message).to.include("in a circle: 'db' → Rooms → 'db'.");
      expect(withItself.message).to.include("in a circle: 'db' → 'db'.");
    });
  });

  describe('in a factory', () => {
    it('is named with the factory and its path', async () => {
      @Handler()
      class Chat {
        constructor(@inject('db') readonly db: object) {}
      }
      const error = await bootError({
        types: [Chat],
        providers: [{ provide: 'db', useFactory: (c) => c.get('url') }],
      });

      expect(error).to.include({ code: 'CONFIG_DEPENDENCY' });
      expect(error.message).to.include("The factory of 'db': nothing provides 'url'.");
      expect(error.message).to.include("path:   Chat → 'db'");
    });

    it('may be caught there, and is refused again when it is asked for again', async () => {
      class Broken {
        constructor(readonly options: Options) {}
      }
      const messages: string[] = [];
      const note = (error: Error): void => void messages.push(error.message.split('\n')[1] ?? '');
      @Handler()
      class Chat {
        constructor(@inject('db') readonly db: string) {}
      }
      const { get } = await boot({
        types: [Chat],
        providers: [
          {
            provide: 'db',
            useFactory: async (c) => {
              await c.get('url').catch(note);
              await c.get('url').catch(note);
              await c.get(Broken).catch(note);
              await c.get(Broken).catch(note);
              return 'without';
            },
          },
        ],
      });

      expect(get(Chat).db).to.equal('without');
      expect(messages).to.have.lengthOf(4);
      expect(messages[1]).to.equal(messages[0]).and.to.include("nothing provides 'url'");
      expect(messages[3]).to.equal(messages[2]).and.to.include('Broken, parameter 1');
    });
  });
});
