import { expect } from 'chai';
import { ConfigError } from '@shoal/core';
import { Handler, Injectable, ServerConfig, inject, moduleOf } from '@shoal/decorators';
import { isHandler } from '@shoal/decorators/internal/handler';
import { injectedTokens } from '@shoal/decorators/internal/inject';
import { callingModule } from '@shoal/decorators/internal/module-location';
import { declaredScope } from '@shoal/decorators/internal/scope';

describe('@Handler and @Injectable', () => {
  it('work bare, called and with a scope', () => {
    @Handler
    class Bare {}
    @Handler()
    class Called {}
    @Handler({ scope: 'connection' })
    class Scoped {}
    @Injectable
    class BareService {}
    @Injectable({ scope: 'transient' })
    class Transient {}

    expect([Bare, Called, Scoped, BareService, Transient].map(declaredScope)).to.deep.equal([
      undefined,
      undefined,
      'connection',
      undefined,
      'transient',
    ]);
    expect([Bare, Called, Scoped, BareService].map(isHandler)).to.deep.equal([true, true, true, false]);
  });

  it('pass the scope of a base on to a class that names none', () => {
    @Injectable({ scope: 'connection' })
    class Base {}
    @Injectable()
    class Derived extends Base {}
    @Injectable({ scope: 'process' })
    class Other extends Base {}

    expect(declaredScope(Derived)).to.equal('connection');
    expect(declaredScope(Other)).to.equal('process');
  });

  it('do not pass the mark of a handler on', () => {
    @Handler()
    class Base {}
    class Derived extends Base {}

    expect(isHandler(Derived)).to.equal(false);
  });

  it('refuse scopes that are not theirs', () => {
    const handler = Handler as unknown as (options: unknown) => (type: unknown) => void;
    const injectable = Injectable as unknown as (options: unknown) => (type: unknown) => void;
    class Wrong {}

    expect(() => handler({ scope: 'transient' })(Wrong)).to.throw(
      ConfigError,
      "@Handler on Wrong was given 'transient' as its scope. Write 'process' or 'connection'.",
    );
    expect(() => injectable({ scope: 'request' })(Wrong)).to.throw(
      ConfigError,
      "Write 'process' or 'connection' or 'transient'.",
    );
    expect(() => handler('connection')).to.throw(ConfigError, "@Handler was given 'connection'");
  });
});

describe('@inject', () => {
  it('records the token of each parameter', () => {
    const clock = Symbol('clock');
    class Rooms {}
    class Chat {
      constructor(
        @inject('url') readonly url: string,
        @inject(clock) readonly now: () => number,
        @inject(Rooms) readonly rooms: object,
      ) {}
    }

    expect([0, 1, 2].map((index) => injectedTokens(Chat).get(index))).to.deep.equal(['url', clock, Rooms]);
  });

  it('refuses parameters of methods', () => {
    expect(() => {
      class Method {
        send(@inject('url') url: string): void {
          void url;
        }
      }
      return Method;
    }).to.throw(ConfigError, '@inject is on a parameter of Method.send');
  });
});

describe('@ServerConfig', () => {
  const config = ServerConfig as unknown as (options?: unknown) => unknown;

  it('refuses to be bare or without options', () => {
    class App {}
    expect(() => config(App)).to.throw(ConfigError, '@ServerConfig was given a class');
    expect(() => config()).to.throw(ConfigError, '@ServerConfig was given nothing');
    expect(() => config(null)).to.throw(ConfigError, '@ServerConfig was given null');
    expect(() => config('app')).to.throw(ConfigError, "@ServerConfig was given 'app'");
  });

  it('does not call a function when the class is declared', () => {
    let calls = 0;
    @ServerConfig(() => {
      calls++;
      return { listeners: [] };
    })
    class App {}

    expect(App.name).to.equal('App');
    expect(calls).to.equal(0);
  });
});

describe('moduleOf', () => {
  it('is the URL of the compiled module that declares the class', () => {
    @ServerConfig({ listeners: [] })
    class App {}

    expect(moduleOf(App)).to.equal(import.meta.url);
  });

  it('is that module even if the stack is cut short or written by somebody else', () => {
    const { stackTraceLimit, prepareStackTrace } = Error;
    const custom = (): string => 'custom';
    try {
      Error.stackTraceLimit = 0;
      Error.prepareStackTrace = custom;
      @ServerConfig({ listeners: [] })
      class App {}

      expect(moduleOf(App)).to.equal(import.meta.url);
      expect(Error.stackTraceLimit).to.equal(0);
      expect(Error.prepareStackTrace).to.equal(custom);
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
      Error.prepareStackTrace = prepareStackTrace;
    }
  });

  it('is refused for a class without @ServerConfig of its own', () => {
    @ServerConfig({ listeners: [] })
    class App {}
    class Derived extends App {}

    expect(() => moduleOf(Derived))
      .to.throw(ConfigError, 'Derived carries no @ServerConfig')
      .with.property('code', 'CONFIG_NOT_A_SERVER');
  });

  it('is the module of whoever calls the decorator', () => {
    const probe = (): string | undefined => callingModule(probe);
    expect(probe()).to.equal(import.meta.url);
  });
});
