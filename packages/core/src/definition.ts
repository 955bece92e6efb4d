/**
 * What an application is, as plain data: settings, handlers, timers and the way
 * to build its objects. Decorators and the imperative front door both end here;
 * the kernel reads nothing else. No decorators and no container library in sight.
 */

/** The words of Swoole, in camelCase; `adopt` is new. `events/event-table.ts` has a row for each. */
export type EventName =
  | 'start'
  | 'beforeShutdown'
  | 'shutdown'
  | 'managerStart'
  | 'managerStop'
  | 'workerStart'
  | 'workerExit'
  | 'workerStop'
  | 'workerError'
  | 'beforeReload'
  | 'afterReload'
  | 'connect'
  | 'receive'
  | 'close'
  | 'adopt'
  | 'connection'
  | 'drain'
  | 'packet'
  | 'bufferFull'
  | 'bufferEmpty'
  | 'task'
  | 'finish'
  | 'pipeMessage'
  | 'command';

/** Where a command is answered that belongs to no user process: in workers and task workers, or in one of the two above them. */
export type CommandPlace = 'workers' | 'master' | 'manager';

export type RoleName = 'master' | 'manager' | 'worker' | 'taskWorker' | 'userProcess' | 'queue';

// A class may take any constructor arguments; the container knows them.
// eslint-like rules do not apply: `never[]` would refuse real classes.
export type Constructor<T = object> = abstract new (...args: never[]) => T;
export type AnyFunction = (...args: never[]) => unknown;

/** A plain function, or a method of a class that the container builds. */
export type Target =
  | { readonly kind: 'function'; readonly run: AnyFunction }
  | {
      readonly kind: 'method';
      readonly type: Constructor;
      readonly method: string;
      readonly scope: 'process' | 'connection';
      /** Declared parameters; a third one of `receive` and a second one of `packet` ask for the delivery. */
      readonly parameters: number;
    };

export interface HandlerSpec {
  readonly event: EventName;
  /** The listener that it serves; undefined serves the listeners that nobody names. Events of connections and datagrams only. */
  readonly listener?: string;
  /** The kind of task that it does, or whose results it gets; undefined for those without a name. */
  readonly name?: string;
  /** What a task takes and gives. */
  readonly input?: PayloadSchema;
  readonly output?: PayloadSchema;
  /** The user process that it runs in, and in no other; undefined leaves it where its event happens. */
  readonly process?: string;
  /** Commands only: what it is asked by, and where; default is 'workers'. */
  readonly command?: { readonly name: string; readonly on?: CommandPlace };
  /** `Chat.line`, or `on('receive')`: what logs and errors call it. */
  readonly label: string;
  readonly target: Target;
}

/**
 * A schema of the application's, of any library that speaks Standard Schema 1
 * (zod, valibot, arktype): https://standardschema.dev.
 */
export interface PayloadSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    validate(value: unknown): SchemaResult<Output> | Promise<SchemaResult<Output>>;
  };
}

export type SchemaResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * Where a timer runs: in every event worker; in one of them at any time; in every
 * task worker; or in the worker, task worker or user process of that id.
 */
export type TimerPlace = 'every' | 'one' | 'task' | number;

export interface TimerSpec {
  /** ms between the starts of two runs, or until the only one; 1 to 2^31-1. */
  readonly interval: number;
  /** The user process that it runs in, and in no other. */
  readonly process?: string;
  /** It runs once. */
  readonly once?: true;
  /** By default `'every'`. */
  readonly on?: TimerPlace;
  readonly label: string;
  readonly target: Target;
}

/** A process of the application's own, supervised like a worker. */
export interface ProcessSpec {
  readonly name: string;
  readonly body: ProcessBody;
}

/** What runs once in a user process when it serves; the process lives until the server stops. */
export type ProcessBody =
  | { readonly kind: 'function'; readonly run: (server: object) => unknown }
  /** A module whose default export is such a function, by its `file:` URL. It is loaded in that process alone. */
  | { readonly kind: 'module'; readonly url: string }
  /** A class that the container builds in that process alone. Its method `run` is called, if it has one. */
  | { readonly kind: 'class'; readonly type: Constructor };

export interface Definition {
  /** The application class or program, for messages and process titles. */
  readonly name: string;
  /** What the user wrote, not yet validated; a function is called at start in the master. */
  readonly settings: object | (() => object);
  readonly handlers: readonly HandlerSpec[];
  readonly timers: readonly TimerSpec[];
  readonly processes?: readonly ProcessSpec[];
  /** Builds the container of one process; undefined when no handler is a method. */
  readonly container?: ContainerFactory;
}

export interface ContainerContext {
  readonly role: RoleName;
  /** Classes whose events or timers run in this process, in the order of `handlers`. */
  readonly processTypes: readonly Constructor[];
  /** Classes with `scope: 'connection'`: checked at boot, built for each connection. */
  readonly connectionTypes: readonly Constructor[];
  /** Ready-made objects: `Server`, `Logger`. */
  readonly bindings: readonly Binding[];
}

export type Binding = readonly [token: Constructor, value: object];

/** Resolves when every process-wide object is built; rejects with `ConfigError` CONFIG_DEPENDENCY otherwise. */
export type ContainerFactory = (context: ContainerContext) => Promise<Container>;

export interface Container {
  /** The one instance of this process. Only for types named in the context. */
  resolve(type: Constructor): object;
  /** A scope for the objects of one connection, with the connection itself among the bindings. */
  openScope(bindings: readonly Binding[]): ConnectionScope;
  /** Disposes process-wide objects in reverse order of their making; scopes must be closed before. */
  dispose(): Promise<void>;
}

export interface ConnectionScope {
  /** The one instance of this connection, made on first use. */
  resolve(type: Constructor): object;
  /** Disposes the objects of the connection in reverse order of their making. */
  dispose(): Promise<void>;
}
