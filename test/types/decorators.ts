/**
 * What the compiler accepts and refuses. Nothing here runs: a line that stops
 * being an error fails the build of the tests.
 */
import type { AdoptReason, CloseReason, Connection, Delivery, WorkerErrorEvent } from '@shoal/core';
import {
  Handler,
  Injectable,
  OnAdopt,
  OnBufferEmpty,
  OnBufferFull,
  OnClose,
  OnCommand,
  OnConnect,
  OnManagerStart,
  OnManagerStop,
  OnReceive,
  OnShutdown,
  OnStart,
  OnWorkerError,
  OnWorkerStart,
  OnWorkerStop,
  Process,
  ServerConfig,
  Tick,
  After,
  inject,
  readDefinition,
  run,
  type FactoryProvider,
  type Resolver,
} from '@shoal/decorators';

class Rooms {
  readonly names: string[] = [];
}

@Handler
export class Fits {
  constructor(@inject('url') readonly url: string) {}

  @OnStart started(): void {}
  @OnStart() async startedLater(): Promise<void> {}
  @OnShutdown stopped(): void {}
  @OnManagerStart managing(): void {}
  @OnManagerStop managed(): void {}
  @OnWorkerStart ready(workerId: number): number {
    return workerId;
  }
  @OnWorkerStart readyToo(): void {}
  @OnWorkerStop private leaving(workerId: number): void {
    void workerId;
    this.leaving(0);
  }
  @OnWorkerError died(event: WorkerErrorEvent): void {
    void event.reason;
  }
  @OnConnect protected welcome(connection: Connection): void {
    connection.send('hello');
  }
  @OnConnect({ listener: 'admin' }) async welcomeAdmin(): Promise<void> {}
  @OnReceive line(connection: Connection, data: Buffer, delivery: Delivery): boolean {
    return delivery.attempt === 1 && connection.send(data);
  }
  @OnReceive() bytes(connection: Connection, data: Uint8Array): void {
    void [connection, data];
  }
  @OnReceive({}) maybe(connection: Connection, data: Buffer, delivery?: Delivery): void {
    void [connection, data, delivery?.answered];
  }
  @OnBufferFull full(connection: Connection): void {
    connection.pause();
  }

  @OnBufferEmpty async empty(connection: Connection): Promise<void> {
    await connection.sendWait('more');
  }

  @OnClose left(connection: Connection, reason: CloseReason): void {
    void [connection, reason];
  }
  @OnAdopt moved(connection: Connection, reason: AdoptReason): void {
    void [connection, reason];
  }
  @Tick(1000) beat(): void {}
  @Tick('10s') async slowBeat(): Promise<void> {}
  @Tick(1000, { on: 'one' }) beatOfOne(): void {}
  @After('1s', { on: 3 }) async once(): Promise<void> {}
  @OnCommand('sum') sum(numbers: readonly number[]): number {
    return numbers.length;
  }
  @OnCommand('later', { on: 'master' }) async later(): Promise<string> {
    return 'later';
  }
}

@Process('poller')
export class Poller {
  async run(): Promise<void> {}
}

export class Misfits {
  // @ts-expect-error a hook of the master has no parameters
  @OnStart started(workerId: number): void {
    void workerId;
  }

  // @ts-expect-error a worker id is a number
  @OnWorkerStart ready(workerId: string): void {
    void workerId;
  }

  // @ts-expect-error the same when it is called
  @OnWorkerStop() leaving(workerId: string): void {
    void workerId;
  }

  // @ts-expect-error a hook takes no listener
  @OnWorkerStart({ listener: 'admin' }) readyForAdmin(): void {}

  // @ts-expect-error the first parameter is the connection
  @OnConnect welcome(data: Buffer): void {
    void data;
  }

  // @ts-expect-error the data are bytes, not text
  @OnReceive line(connection: Connection, data: string): void {
    void [connection, data];
  }

  // @ts-expect-error the same when it is called
  @OnReceive({ listener: 'admin' }) adminLine(connection: Connection, data: string): void {
    void [connection, data];
  }

  // @ts-expect-error the option is called listener
  @OnReceive({ listner: 'admin' }) typo(): void {}

  // @ts-expect-error there is no fourth parameter
  @OnReceive tooMany(connection: Connection, data: Buffer, delivery: Delivery, more: number): void {
    void [connection, data, delivery, more];
  }

  // @ts-expect-error a reason is no number
  @OnClose left(connection: Connection, reason: number): void {
    void [connection, reason];
  }

  // @ts-expect-error a reason to adopt is one of four words
  @OnAdopt moved(connection: Connection, reason: 'bored'): void {
    void [connection, reason];
  }

  // @ts-expect-error the event is an object
  @OnWorkerError died(workerId: number): void {
    void workerId;
  }

  // @ts-expect-error nobody passes anything to a timer
  @Tick(1000) beat(count: number): void {
    void count;
  }

  // @ts-expect-error a timer needs an interval
  @Tick slowBeat(): void {}

  // @ts-expect-error nor to one that runs once
  @After(1000) once(count: number): void {
    void count;
  }

  // @ts-expect-error there is no such place
  @Tick(1000, { on: 'worker' }) placedBeat(): void {}

  // @ts-expect-error there is no unit of that name
  @Tick('10 seconds') verySlowBeat(): void {}

  // @ts-expect-error a command needs a name
  @OnCommand unnamed(): void {}

  // @ts-expect-error a command carries one value
  @OnCommand('two') two(one: string, other: string): void {
    void [one, other];
  }

  // @ts-expect-error there is no such place
  @OnCommand('x', { on: 'worker' }) nowhere(): void {}

  // @ts-expect-error a property is not a method
  @OnReceive handler = (): void => {};

  // @ts-expect-error neither is a getter
  @OnConnect get reader(): string {
    return '';
  }
}

// @ts-expect-error a process needs a name
@Process
export class Unnamed {}

@Handler({ scope: 'connection' })
@Injectable({ scope: 'transient' })
export class Scoped {}

// @ts-expect-error a handler has one instance for a process or a connection
@Handler({ scope: 'transient' })
export class Transient {}

// @ts-expect-error there is no such scope
@Injectable({ scope: 'request' })
export class PerRequest {}

const clock = Symbol('clock');

const rooms: FactoryProvider<Rooms> = {
  provide: Rooms,
  useFactory: (resolver) => resolver.get(Rooms),
  dispose: (made) => made.names.length,
};

@ServerConfig({
  listeners: [],
  handlers: [Fits],
  providers: [
    Rooms,
    rooms,
    { provide: Rooms, useClass: Rooms },
    { provide: clock, useValue: Date.now },
    { provide: 'rooms', useFactory: async (resolver: Resolver) => [await resolver.get(Rooms)] },
    { provide: 'more', useFactory: () => new Rooms(), dispose: (made: Rooms) => made.names.pop() },
  ],
})
export class App {}

@ServerConfig(() => ({ listeners: [], handlers: [Fits] }))
export class LazyApp {}

// @ts-expect-error handlers are classes
@ServerConfig({ listeners: [], handlers: ['Fits'] })
export class NamesOnly {}

// @ts-expect-error a provider says what stands for its token
@ServerConfig({ listeners: [], providers: [{ provide: 'rooms' }] })
export class HalfProvider {}

// @ts-expect-error a server needs its settings
@ServerConfig
export class Bare {}

export function uses(): unknown {
  // @ts-expect-error overrides are settings of the kernel
  readDefinition(App, { workers: 2 });
  readDefinition(
    App,
    {},
    { override: (c) => c.register(Rooms, { useClass: Scoped }).register('x', { useValue: 1 }) },
  );
  return run(App, { workerNum: 2 });
}
