import { expect } from 'chai';
import { ConfigError, createServer } from '@shoal/core';
import type { Constructor } from '@shoal/core/internal/definition';
import {
  Handler,
  Injectable,
  OnCommand,
  OnReceive,
  OnWorkerStart,
  Process,
  ServerConfig,
  Tick,
  readDefinition,
} from '@shoal/decorators';

function serverOf(...handlers: readonly Constructor[]): Constructor {
  class App {}
  ServerConfig({ listeners: [], handlers })(App);
  return App;
}

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'nothing was thrown';
}

/** The lines of problems with these handlers. */
function problems(...handlers: readonly Constructor[]): readonly string[] {
  return refusal(() => readDefinition(serverOf(...handlers)))
    .split('\n')
    .slice(1);
}

describe('@Process', () => {
  it('turns a class into a process, and its methods into what runs there', () => {
    @Process('poller')
    class Poller {
      @OnWorkerStart begin(): void {}
      @Tick(10) beat(): void {}
      @OnCommand('count') count(): void {}
      run(): void {}
    }
    const { container, ...definition } = readDefinition(serverOf(Poller));
    const target = { kind: 'method', type: Poller, scope: 'process', parameters: 0 };
    const process = 'poller';
    expect(container).to.be.a('function');
    expect(definition).to.deep.equal({
      name: 'App',
      settings: { listeners: [] },
      handlers: [
        { event: 'workerStart', process, label: 'Poller.begin', target: { ...target, method: 'begin' } },
        {
          event: 'command',
          command: { name: 'count' },
          process,
          label: 'Poller.count',
          target: { ...target, method: 'count' },
        },
      ],
      timers: [{ interval: 10, process, label: 'Poller.beat', target: { ...target, method: 'beat' } }],
      processes: [{ name: 'poller', body: { kind: 'class', type: Poller } }],
    });
  });

  it('is enough for a class with run() alone, and brings its container', () => {
    @Process('idle')
    class Idle {
      run(): void {}
    }
    const { container, processes, handlers } = readDefinition(serverOf(Idle));
    expect([typeof container, processes?.length, handlers.length]).to.deep.equal(['function', 1, 0]);
  });

  it('stands on the server class itself', () => {
    @Process('all')
    @ServerConfig({ listeners: [] })
    class App {
      run(): void {}
    }
    expect(readDefinition(App).processes).to.deep.equal([
      { name: 'all', body: { kind: 'class', type: App } },
    ]);
  });

  it('refuses names that are none', () => {
    class Poller {}
    for (const name of ['', 'master', 'manager', 7, undefined, Poller]) {
      expect(refusal(() => Process(name as string))).to.match(
        /^@Process was given .* Write @Process\('poller'\)\.$/,
      );
    }
  });

  it('is refused beside @Handler, with the scope of a connection, and on a class that does nothing', () => {
    @Handler()
    @Process('both')
    class Both {
      @OnReceive line(): void {}
    }
    @Injectable({ scope: 'connection' })
    @Process('scoped')
    class Scoped {
      run(): void {}
    }
    @Process('empty')
    class Empty {}
    expect(problems(Both, Scoped, Empty)).to.deep.equal([
      '- handlers[0]: Both carries @Handler and @Process. Remove @Handler: it lives in its own process alone.',
      "- Scoped has the scope 'connection', but lives in a process of its own, which serves none. Remove the scope.",
      '- handlers[2]: Empty has nothing to do in its process. Give it a method run(), or put @OnWorkerStart, @Tick or ' +
        '@OnCommand on one of its methods.',
    ]);
  });
});

describe('@OnCommand', () => {
  it('records the name and the place', () => {
    @Handler()
    class Answers {
      @OnCommand('a') a(): void {}
      @OnCommand('b', { on: 'master' }) b(): void {}
    }
    const { handlers } = readDefinition(serverOf(Answers));
    expect(handlers.map(({ command }) => command)).to.deep.equal([
      { name: 'a' },
      { name: 'b', on: 'master' },
    ]);
  });

  it('refuses a name or a place that there is not', () => {
    const given: [unknown, unknown?][] = [
      [''],
      [undefined],
      [7],
      ['a', { on: 'worker' }],
      ['a', { at: 1 }],
      ['a', 3],
    ];
    const refusals = given.map(([name, options]) =>
      refusal(() => OnCommand(name as string, options as object)),
    );
    const remedy = "It takes { on: 'workers' | 'master' | 'manager' }.";
    expect(refusals.slice(0, 3).map((text) => text.split('. ')[1])).to.deep.equal(
      Array.from({ length: 3 }, () => "Write what it is asked by: @OnCommand('refresh')."),
    );
    expect(refusals.slice(3)).to.deep.equal([
      `@OnCommand('a') was given on: 'worker'. ${remedy}`,
      `@OnCommand('a') was given the option 'at'. ${remedy}`,
      `@OnCommand('a') was given 3. ${remedy}`,
    ]);
  });
});

describe('server.addProcess and server.on', () => {
  it('refuse what is no process, and what is no command', () => {
    const server = createServer().addProcess('taken', () => {});
    const module = new URL('file:///poller.js');
    expect(refusal(() => server.addProcess('taken', module))).to.equal(
      "addProcess: there is a user process 'taken' already",
    );
    expect(refusal(() => server.addProcess('', module))).to.equal(
      'addProcess: a user process needs a name that is not empty',
    );
    for (const main of ['./poller.js', 'https://example.org/poller.js', 7, undefined]) {
      expect(refusal(() => server.addProcess('poller', main as string))).to.include(
        "write a function, or the file URL of a module, such as new URL('./poller.js', import.meta.url)",
      );
    }
    expect(refusal(() => server.on('command', () => {}))).to.include('needs { name: … }');
    expect(refusal(() => server.on('command', () => {}, { name: 'a', on: 'worker' as 'workers' }))).to.equal(
      "on: 'worker' is none of 'workers', 'master', 'manager'",
    );
    expect(server.addProcess('poller', module.href).addProcess('other', module)).to.equal(server);
  });
});
