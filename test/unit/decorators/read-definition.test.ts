import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { ConfigError, type Connection, type Delivery } from '@shoal/core';
import type { Constructor } from '@shoal/core/internal/definition';
import {
  After,
  Handler,
  Injectable,
  OnConnect,
  OnReceive,
  OnStart,
  OnWorkerStart,
  ServerConfig,
  Tick,
  readDefinition,
} from '@shoal/decorators';
import { connection } from './container-fixture.js';

class Rooms {}
class FakeRooms extends Rooms {}

@Handler()
class Chat {
  constructor(readonly rooms: Rooms) {}
  @OnConnect welcome(): void {}
  @OnReceive line(connection: Connection, data: Buffer): void {
    void [connection, data];
  }
  @Tick('1s') beat(): void {}
}

@Handler({ scope: 'connection' })
class Session {
  @OnReceive({ listener: 'admin' }) line(connection: Connection, data: Buffer, delivery: Delivery): void {
    void [connection, data, delivery];
  }
}

/** The error of a definition that cannot be read. */
function errorOf(App: unknown): ConfigError {
  try {
    readDefinition(App as Constructor);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  return expect.fail('the definition was read');
}

/** The lines of problems of a server with these options. */
function problems(options: object): readonly string[] {
  class App {}
  ServerConfig(options as Parameters<typeof ServerConfig>[0])(App);
  const [title, ...lines] = errorOf(App).message.split('\n');
  expect(title).to.equal('@ServerConfig on App cannot be used:');
  return lines;
}

describe('readDefinition', () => {
  it('turns decorated classes into plain data', () => {
    @ServerConfig({ listeners: [], workerNum: 2, handlers: [Chat, Session], providers: [Rooms] })
    class App {}
    const { container, ...definition } = readDefinition(App);
    const chat = { kind: 'method', type: Chat, scope: 'process' };

    expect(definition).to.deep.equal({
      name: 'App',
      settings: { listeners: [], workerNum: 2 },
      handlers: [
        { event: 'connect', label: 'Chat.welcome', target: { ...chat, method: 'welcome', parameters: 0 } },
        { event: 'receive', label: 'Chat.line', target: { ...chat, method: 'line', parameters: 2 } },
        {
          event: 'receive',
          listener: 'admin',
          label: 'Session.line',
          target: { kind: 'method', type: Session, method: 'line', scope: 'connection', parameters: 3 },
        },
      ],
      timers: [{ interval: 1000, label: 'Chat.beat', target: { ...chat, method: 'beat', parameters: 0 } }],
    });
    expect(container).to.be.a('function');
  });

  it('gives the definition a container that builds its classes', async () => {
    @ServerConfig({ listeners: [], handlers: [Chat, Session], providers: [Rooms] })
    class App {}
    const { container: factory } = readDefinition(
      App,
      {},
      { override: (c) => c.register(Rooms, { useClass: FakeRooms }) },
    );
    const container = await factory?.({
      role: 'worker',
      processTypes: [Chat],
      connectionTypes: [Session],
      bindings: [],
    });

    expect(container?.resolve(Chat)).to.have.property('rooms').that.is.instanceOf(FakeRooms);
    const { Connection } = await import('@shoal/core');
    expect(container?.openScope([[Connection, connection()]]).resolve(Session)).to.be.instanceOf(Session);
  });

  it('has no container without handlers', () => {
    @ServerConfig({ listeners: [] })
    class App {}

    expect(readDefinition(App)).to.deep.equal({
      name: 'App',
      settings: { listeners: [] },
      handlers: [],
      timers: [],
    });
  });

  it('puts overrides before settings', () => {
    @ServerConfig({ listeners: [], workerNum: 2, mode: 'process' })
    class App {}

    expect(readDefinition(App, { workerNum: 4 }).settings).to.deep.equal({
      listeners: [],
      workerNum: 4,
      mode: 'process',
    });
  });

  it('calls a function for its options, once', () => {
    let calls = 0;
    @ServerConfig(() => {
      calls++;
      return { listeners: [], workerNum: calls, handlers: [Chat] };
    })
    class App {}
    const definition = readDefinition(App);

    expect(definition.settings).to.deep.equal({ listeners: [], workerNum: 1 });
    expect(definition.handlers).to.have.lengthOf(2);
    expect(calls).to.equal(1);
  });

  it('takes a class that carries both @ServerConfig and handler methods, before its handlers', () => {
    @ServerConfig({ listeners: [], handlers: [Chat] })
    class App {
      @OnStart started(): void {}
    }

    expect(readDefinition(App).handlers.map(({ label }) => label)).to.deep.equal([
      'App.started',
      'Chat.welcome',
      'Chat.line',
    ]);
  });

  it('takes the place of the application class from handlers if it is listed there', () => {
    const handlers: Constructor[] = [Chat];
    @ServerConfig({ listeners: [], handlers })
    class App {
      @OnStart started(): void {}
    }
    handlers.push(App);

    expect(readDefinition(App).handlers.map(({ label }) => label)).to.deep.equal([
      'Chat.welcome',
      'Chat.line',
      'App.started',
    ]);
  });

  it('labels inherited methods by the class that is listed', () => {
    @Handler()
    class Loud extends Chat {
      override line(connection: Connection, data: Buffer, delivery?: Delivery): void {
        void [connection, data, delivery];
      }
    }
    @ServerConfig({ listeners: [], handlers: [Loud] })
    class App {}

    expect(
      readDefinition(App).handlers.map(({ label, target }) => [
        label,
        target.kind === 'method' && target.parameters,
      ]),
    ).to.deep.equal([
      ['Loud.welcome', 0],
      ['Loud.line', 3],
    ]);
  });

  it('leaves two handlers of one event to the kernel', () => {
    @Handler()
    class Again {
      @OnReceive line(): void {}
    }
    @ServerConfig({ listeners: [], handlers: [Chat, Again] })
    class App {}

    expect(readDefinition(App).handlers.filter(({ event }) => event === 'receive')).to.have.lengthOf(2);
  });

  it('refuses a class without @ServerConfig, and what is no class', () => {
    expect(errorOf(Chat)).to.include({ code: 'CONFIG_NOT_A_SERVER' });
    expect(errorOf(Chat).message).to.equal(
      'Chat is not a server. Put @ServerConfig({ listeners, handlers }) on the class that is given to run().',
    );
    expect(errorOf(undefined).message).to.include('nothing is not a server');
    expect(errorOf({ listeners: [] }).message).to.include('an object is not a server');
  });

  it('refuses a function that throws, or returns no options', () => {
    const cause = new Error('PORT is not set');
    class Throwing {}
    ServerConfig(() => {
      throw cause;
    })(Throwing);
    class Late {}
    ServerConfig((async () => ({ listeners: [] })) as unknown as () => { listeners: [] })(Late);
    class Empty {}
    ServerConfig((() => {}) as unknown as () => { listeners: [] })(Empty);

    expect(errorOf(Throwing)).to.include({ code: 'CONFIG_INVALID', cause });
    expect(errorOf(Throwing).message).to.include('on Throwing threw: PORT is not set');
    expect(errorOf(Late).message).to.include('on Late returned a promise');
    expect(errorOf(Empty).message).to.include('on Empty returned nothing');
  });

  it('tells all problems of handlers and providers at once', () => {
    class Undecorated {
      @OnReceive line(): void {}
    }
    @Handler()
    class Idle {}

    expect(
      problems({
        handlers: [undefined, 'Chat', Undecorated, Idle, Chat, Chat],
        providers: [undefined, 7, {}, { provide: 1, useValue: 1 }, { provide: 'a' }, Rooms],
      }),
    ).to.deep.equal([
      '- handlers[0] is undefined: its module and this one import each other.',
      "- handlers[1] is 'Chat'. Write a class.",
      '- handlers[2]: Undecorated is not decorated. Put @Handler() on the class.',
      '- handlers[3]: Idle handles no event. Put @OnReceive or another event decorator on one of its methods; ' +
        'a class that is only injected is not listed here.',
      '- handlers[5]: Chat is listed twice. Remove one.',
      '- providers[0]: it is undefined: its module and this one import each other.',
      '- providers[1]: it is 7. Write a class, or { provide, useClass | useValue | useFactory }.',
      '- providers[2]: it does not say what it provides. Add provide: a class, a string or a symbol.',
      '- providers[3]: it provides 1. Write a class, a string or a symbol.',
      "- providers[4]: 'a' has none of useClass, useValue and useFactory. Write exactly one.",
    ]);
  });

  it('refuses providers that contradict themselves', () => {
    const provide = 'a';
    expect(
      problems({
        providers: [
          { provide, useValue: 1, useClass: Rooms },
          { provide, useClass: undefined },
          { provide, useClass: () => Rooms },
          { provide, useFactory: Promise.resolve() },
          { provide, useValue: 1, dispose: () => {} },
          { provide, useFactory: () => 1, dispose: 'end' },
          { provide: undefined, useValue: 1 },
        ],
      }),
    ).to.deep.equal([
      "- providers[0]: 'a' has useClass and useValue of useClass, useValue and useFactory. Write exactly one.",
      "- providers[1]: useClass of 'a' is nothing. Write a class; undefined means that its module and this one import each other.",
      "- providers[2]: useClass of 'a' is a function. Write a class.",
      "- providers[3]: useFactory of 'a' is an object. Write a function.",
      "- providers[4]: 'a' has dispose without useFactory. Only what the container makes is disposed by it.",
      "- providers[5]: dispose of 'a' is 'end'. Write a function.",
      '- providers[6]: what it provides is undefined: its module and this one import each other.',
    ]);
  });

  it('refuses handlers and providers that are no arrays', () => {
    expect(problems({ handlers: Chat, providers: Rooms })).to.deep.equal([
      '- handlers is a function. Write an array of classes.',
      '- providers is a function. Write an array.',
    ]);
  });

  it('refuses hooks and timers of the process in a class that lives with a connection', () => {
    @Handler({ scope: 'connection' })
    class Short {
      @OnWorkerStart ready(): void {}
      @Tick(1) beat(): void {}
      @After(1, { on: 'one' }) once(): void {}
      @OnReceive line(): void {}
    }
    @Handler()
    @Injectable({ scope: 'transient' })
    class Fleeting {
      @OnReceive line(): void {}
    }

    expect(problems({ handlers: [Short, Fleeting] })).to.deep.equal([
      '- Short.ready is a hook of the process, but Short exists once for each connection. ' +
        "Move the method into a class with the scope 'process'.",
      '- Short.beat is a timer of the process, but Short exists once for each connection. ' +
        "Move the method into a class with the scope 'process'.",
      '- Short.once is a timer of the process, but Short exists once for each connection. ' +
        "Move the method into a class with the scope 'process'.",
      "- Fleeting has the scope 'transient', but its events need one instance. Use 'process' or 'connection'.",
    ]);
  });
});

describe('run', () => {
  it('prints what is wrong with a definition and exits with 78', () => {
    const main = "import { run } from '@shoal/decorators'; class Nothing {} await run(Nothing);";
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', main], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      encoding: 'utf8',
      timeout: 15_000,
    });

    expect(stderr).to.include('Nothing is not a server. Put @ServerConfig');
    expect(stderr).not.to.include('    at ');
    expect(status).to.equal(78);
  });
});
