/**
 * How an application says what a token stands for. Classes that can be built
 * from their constructors need no provider.
 */
import type { Constructor } from '@shoal/core/internal/definition';
import type { ProcessPlace } from './process-place.js';

/** What names a dependency: its class, or a string or symbol that a provider and `@inject` share. */
export type Token = Constructor | string | symbol;

/** What a factory asks for its own dependencies. */
export interface Resolver {
  /**
   * The dependency, made first if it is not there yet, asynchronous factories included.
   *
   * @throws ConfigError CONFIG_DEPENDENCY or CONFIG_SCOPE (as a rejection) when it cannot be made
   */
  get<Value extends object>(token: Constructor<Value>): Promise<Value>;
  get<Value = unknown>(token: string | symbol): Promise<Value>;
}

/** The token stands for the one instance of another class, in that class's scope or else in the token's. */
export interface ClassProvider {
  readonly provide: Token;
  readonly useClass: Constructor;
}

/** The token stands for a value that exists already. The container never disposes it. */
export interface ValueProvider {
  readonly provide: Token;
  readonly useValue: unknown;
}

/**
 * The token stands for what the factory returns or resolves to. It runs once in
 * each process that needs the token, before any `@OnWorkerStart`, and not at all
 * in the others.
 */
export interface FactoryProvider<Value = unknown> {
  readonly provide: Token;
  useFactory(resolver: Resolver): Value | Promise<Value>;
  /** Awaited when the process stops, after everything that was made later. Without it the value's own `dispose` is called. */
  dispose?(value: Value): unknown;
}

/** An entry of `providers`. Of several for one token the last counts. */
export type Provider = Constructor | ClassProvider | ValueProvider | FactoryProvider;

/** What a test puts in the place of a token. */
export type Replacement =
  Omit<ClassProvider, 'provide'> | Omit<ValueProvider, 'provide'> | Omit<FactoryProvider, 'provide'>;

/** Where tests put other things in the place of classes and tokens. */
export interface OverrideRegistry {
  /**
   * Goes before providers, before the class itself and before what the kernel binds.
   *
   * @throws ConfigError CONFIG_INVALID when the token or its replacement is none
   */
  register(token: Token, replacement: Replacement): this;
}

/** Puts other things in the place of classes and tokens of one process, before anything is built there. */
export type Override = (registry: OverrideRegistry, place: ProcessPlace) => void;
