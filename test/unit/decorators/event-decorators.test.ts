import { expect } from 'chai';
import { ConfigError, type Connection, type Delivery } from '@shoal/core';
import type { Constructor } from '@shoal/core/internal/definition';
import {
  After,
  OnAdopt,
  OnClose,
  OnConnect,
  OnConnection,
  OnDrain,
  OnManagerStart,
  OnManagerStop,
  OnPacket,
  OnReceive,
  OnShutdown,
  OnStart,
  OnWorkerError,
  OnWorkerStart,
  OnWorkerStop,
  Tick,
} from '@shoal/decorators';
import { registrationsOf } from '@shoal/decorators/internal/registrations';

/** `method: event`, `method: event of listener` or `method: interval`, in their order. */
function events(type: Constructor): readonly string[] {
  return registrationsOf(type).map((registration) => {
    if (registration.kind === 'timer') return `${registration.method}: ${registration.interval}`;
    const { method, event, listener } = registration;
    return `${method}: ${event}${listener === undefined ? '' : ` of ${listener}`}`;
  });
}

describe('Event decorators', () => {
  it('record the event of each method, bare and called, in the order of the methods', () => {
    class Everything {
      @OnStart start(): void {}
      @OnStart() startToo(): void {}
      @OnShutdown shutdown(): void {}
      @OnManagerStart managerStart(): void {}
      @OnManagerStop() managerStop(): void {}
      @OnWorkerStart workerStart(): void {}
      @OnWorkerStop() workerStop(): void {}
      @OnWorkerError workerError(): void {}
      @OnConnect connect(): void {}
      @OnReceive receive(): void {}
      @OnClose() close(): void {}
      @OnAdopt({}) adopt(): void {}
      @OnConnection connection(): void {}
      @OnDrain drain(): void {}
      @OnPacket packet(): void {}
      @OnPacket({ listener: 'dns' }) ask(): void {}
    }

    expect(events(Everything)).to.deep.equal([
      'start: start',
      'startToo: start',
      'shutdown: shutdown',
      'managerStart: managerStart',
      'managerStop: managerStop',
      'workerStart: workerStart',
      'workerStop: workerStop',
      'workerError: workerError',
      'connect: connect',
      'receive: receive',
      'close: close',
      'adopt: adopt',
      'connection: connection',
      'drain: drain',
      'packet: packet',
      'ask: packet of dns',
    ]);
  });

  it('record the listener that a connection event names', () => {
    class Admin {
      @OnConnect({ listener: 'a' }) connect(): void {}
      @OnReceive({ listener: 'b' }) receive(): void {}
      @OnClose({ listener: 'c' }) close(): void {}
      @OnAdopt({ listener: 'd' }) adopt(): void {}
    }

    expect(events(Admin)).to.deep.equal([
      'connect: connect of a',
      'receive: receive of b',
      'close: close of c',
      'adopt: adopt of d',
    ]);
  });

  it('stand several on one method, in the order in which they are written', () => {
    class Two {
      @OnReceive({ listener: 'a' })
      @OnReceive({ listener: 'b' })
      @OnReceive
      receive(): void {}

      @OnConnect @OnAdopt enter(): void {}
    }

    expect(events(Two)).to.deep.equal([
      'receive: receive of a',
      'receive: receive of b',
      'receive: receive',
      'enter: connect',
      'enter: adopt',
    ]);
  });

  it('work on private and protected methods', () => {
    class Hidden {
      @OnConnect protected connect(): void {}
      @OnReceive private receive(connection: Connection, data: Buffer, delivery: Delivery): void {
        this.receive(connection, data, delivery);
      }
    }

    expect(events(Hidden)).to.deep.equal(['connect: connect', 'receive: receive']);
  });

  it('leave a class without them alone', () => {
    class Plain {
      receive(): void {}
    }

    expect(events(Plain)).to.deep.equal([]);
  });

  describe('in a derived class', () => {
    class Base {
      @OnStart start(): void {}
      @OnReceive({ listener: 'base' }) receive(): void {}
      @OnClose close(): void {}
      @Tick(5) beat(): void {}
    }

    it('count those of the base first', () => {
      class Derived extends Base {
        @OnConnect connect(): void {}
      }

      expect(events(Derived)).to.deep.equal([
        'start: start',
        'receive: receive of base',
        'close: close',
        'beat: 5',
        'connect: connect',
      ]);
    });

    it('keep the registration of a method that is overridden without a decorator', () => {
      class Derived extends Base {
        override receive(): void {}
      }

      expect(events(Derived)).to.include('receive: receive of base');
    });

    it('replace every registration of a method that is overridden with a decorator', () => {
      class Derived extends Base {
        @OnReceive override receive(): void {}
        @Tick(7) override beat(): void {}
      }

      expect(events(Derived)).to.deep.equal(['start: start', 'receive: receive', 'close: close', 'beat: 7']);
    });

    it('leave the base as it was', () => {
      class Derived extends Base {
        @OnReceive override receive(): void {}
      }

      expect(events(Derived)).to.include('receive: receive');
      expect(events(Base)).to.include('receive: receive of base');
    });
  });

  describe('refuse', () => {
    type Loose = (target: object, method: unknown, descriptor?: unknown) => void;
    const onReceive = OnReceive as unknown as Loose;
    const onStart = OnStart as unknown as Loose;

    it('a static method', () => {
      expect(() => {
        class Static {
          @OnReceive static receive(): void {}
        }
        return Static;
      }).to.throw(ConfigError, '@OnReceive is on the static method Static.receive');
    });

    it('a property that holds a function', () => {
      class Property {}
      expect(() => onReceive(Property.prototype, 'receive')).to.throw(
        ConfigError,
        '@OnReceive is on Property.receive, which is not a method',
      );
    });

    it('a getter', () => {
      class Getter {
        get reader(): string {
          return '';
        }
      }
      const descriptor = Object.getOwnPropertyDescriptor(Getter.prototype, 'reader');
      expect(() => onStart(Getter.prototype, 'reader', descriptor)).to.throw(
        ConfigError,
        '@OnStart is on Getter.reader, which is not a method',
      );
    });

    it('a method that is named by a symbol', () => {
      class Symbolic {}
      expect(() => onReceive(Symbolic.prototype, Symbol('receive'), { value: () => {} })).to.throw(
        ConfigError,
        'named by a symbol',
      );
    });

    it('generators, of which a call would run nothing', () => {
      expect(() => {
        class Generating {
          @OnReceive *receive(): Generator<number> {
            yield 1;
          }
        }
        return Generating;
      }).to.throw(ConfigError, 'the generator Generating.receive');
      expect(() => {
        class Generating {
          @Tick(1) async *beat(): AsyncGenerator<number> {
            yield 1;
          }
        }
        return Generating;
      }).to.throw(ConfigError, 'the generator Generating.beat');
    });

    it('to be applied as standard decorators', () => {
      const context = { kind: 'method', name: 'receive' };
      expect(() => onReceive(() => {}, context)).to.throw(ConfigError, '"experimentalDecorators"');
    });

    it('options other than a listener with a name', () => {
      const called = OnReceive as unknown as (options: unknown) => unknown;
      expect(() => called({ listener: '' })).to.throw(ConfigError, '@OnReceive was given');
      expect(() => called({ listener: 0 })).to.throw(ConfigError, 'was given 0 as its listener');
      expect(() => called({ listner: 'admin' })).to.throw(ConfigError, "has no option 'listner'");
      expect(() => called('admin')).to.throw(ConfigError, "was given 'admin'");
      expect(() => called(null)).to.throw(ConfigError, 'was given null');
    });
  });
});

describe('@Tick', () => {
  const tick = Tick as (ms: unknown) => unknown;

  it('takes milliseconds and durations with a unit', () => {
    class Ticking {
      @Tick(1) fast(): void {}
      @Tick('10s') slow(): void {}
      @Tick(2 ** 31 - 1) slowest(): void {}
    }

    expect(events(Ticking)).to.deep.equal(['fast: 1', 'slow: 10000', 'slowest: 2147483647']);
  });

  it('accepts 1 ms and refuses 0 ms', () => {
    expect(() => tick(1)).not.to.throw();
    expect(() => tick(0)).to.throw(ConfigError, '@Tick: 0 is 0 ms, the minimum is 1 ms');
  });

  it('accepts 2^31-1 ms and refuses one more', () => {
    expect(() => tick(2_147_483_647)).not.to.throw();
    expect(() => tick(2_147_483_648)).to.throw(ConfigError, 'above the maximum');
  });

  it('refuses what is no duration', () => {
    for (const ms of ['soon', '10 s', '', Number.NaN, undefined, null, 1.5, {}]) {
      expect(() => tick(ms)).to.throw(ConfigError, '@Tick: ');
    }
  });

  it('records the place beside the interval, and nothing where there is none', () => {
    class Placed {
      @Tick(5) every(): void {}
      @Tick(5, { on: 'one' }) one(): void {}
      @After('5ms', { on: 3 }) third(): void {}
      @After(5) once(): void {}
    }

    expect(registrationsOf(Placed)).to.deep.equal([
      { kind: 'timer', interval: 5, method: 'every' },
      { kind: 'timer', interval: 5, on: 'one', method: 'one' },
      { kind: 'timer', interval: 5, on: 3, once: true, method: 'third' },
      { kind: 'timer', interval: 5, once: true, method: 'once' },
    ]);
  });

  it('accepts the words for places and ids from 0 on, and refuses anything else', () => {
    const placed = Tick as (ms: number, options: { on: unknown }) => unknown;
    for (const on of ['every', 'one', 'task', 0, 99]) expect(() => placed(1, { on })).not.to.throw();
    for (const on of ['all', '', -1, 0.5, Number.NaN, null, {}])
      expect(() => placed(1, { on })).to.throw(ConfigError, '@Tick: on is ');
    expect(() => After(0)).to.throw(ConfigError, '@After: 0 is 0 ms, the minimum is 1 ms');
  });

  it('says where a static method with it is', () => {
    expect(() => {
      class Static {
        @Tick(1) static beat(): void {}
      }
      return Static;
    }).to.throw(ConfigError, '@Tick is on the static method Static.beat');
  });
});
