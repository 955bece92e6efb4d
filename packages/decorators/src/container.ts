/**
 * Builds the objects of one process. The only file that touches tsyringe.
 *
 * Everything that the types of the process need is registered in a child
 * container of its own, process-wide objects being made at boot in the order of
 * their dependencies. tsyringe then finds what a token stands for; it never
 * constructs by itself, or a class with its own `@singleton()` would be one
 * object for all the virtual processes of a simulation. For the same reason
 * nothing is taken from tsyringe's global container.
 *
 * A connection gets a child container when the first of its objects is asked
 * for. Which lifetime an object belongs to is itself a registration, so that a
 * child answers with its connection where the process answers with itself.
 */
import { createRequire } from 'node:module';
import './metadata.js';
import { ConfigError, Connection, Logger } from '@shoal/core';
import type {
  Binding,
  ConnectionScope,
  Constructor,
  Container,
  ContainerContext,
  ContainerFactory,
} from '@shoal/core/internal/definition';
import { ProcessError } from '@shoal/core/internal/errors';
import type * as Tsyringe from 'tsyringe';
import type { DependencyContainer, InjectionToken } from 'tsyringe';
import { DependencyGraph, type DependencyNode } from './dependency-graph.js';
import { dependencyError, showPath } from './dependency-problem.js';
import { Lifetime, type DisposalFailure } from './lifetime.js';
import { placeOf } from './process-place.js';
import type { Override, Provider, Resolver, Token } from './provider.js';
import { Registry } from './registry.js';
import { tokenName } from './token-name.js';

type ClassNode = Extract<DependencyNode, { kind: 'class' }>;
type FactoryNode = Extract<DependencyNode, { kind: 'factory' }>;

// Required for the same reason as reflect-metadata, in every process that boots; programs may import it, and get the same.
const { container: globalContainer } = createRequire(import.meta.url)('tsyringe') as typeof Tsyringe;

const lifetimeToken = Symbol('lifetime');

/** `override` is called once for each process, after `providers` were read. */
export function containerFactory(providers: readonly Provider[], override?: Override): ContainerFactory {
  return async (context) => {
    const registry = new Registry();
    for (const provider of providers) registry.add(provider);
    override?.(registry, placeOf(context));
    const container = new ProcessContainer(context, registry);
    try {
      await container.boot();
    } catch (error) {
      // Why the boot failed matters more than what its undoing ran into, which is logged.
      await container.dispose().catch(() => undefined);
      throw error;
    }
    return container;
  };
}

export class ProcessContainer implements Container {
  readonly #container = globalContainer.createChildContainer();
  readonly #lifetime = new Lifetime();
  readonly #graph: DependencyGraph;
  /** What `resolve` answers, so that a class that is made anew for each injection is one object to the kernel. */
  readonly #roots = new Map<Constructor, object>();
  /** Tokens that are registered, or about to be. */
  readonly #ready = new Map<Token, Promise<void>>();
  #disposed = false;

  constructor(
    private readonly context: ContainerContext,
    registry: Registry,
  ) {
    this.#graph = new DependencyGraph(
      registry,
      new Set(context.bindings.map(([token]) => token)),
      new Set([Connection]),
    );
    this.#bind(lifetimeToken, () => this.#lifetime);
    for (const [token, value] of context.bindings) {
      this.#bind(token, () => value);
      this.#lifetime.lent(value);
    }
  }

  /** How many objects the process holds for disposal; those of connections are held by their scopes. */
  get held(): number {
    return this.#lifetime.held;
  }

  async boot(): Promise<void> {
    const { processTypes, connectionTypes } = this.context;
    for (const type of processTypes) this.#graph.addRoot(type, 'process');
    for (const type of connectionTypes) this.#graph.addRoot(type, 'connection');
    this.#refuseProblems();
    for (const type of processTypes) {
      await this.#prepare(type, []);
      this.#roots.set(type, this.#resolve(type) as object);
    }
    for (const type of connectionTypes) await this.#prepare(type, []);
  }

  resolve(type: Constructor): object {
    const instance = this.#roots.get(type);
    if (instance === undefined) throw this.#disposed ? ended(type) : notHere(type, 'this process');
    return instance;
  }

  openScope(bindings: readonly Binding[]): ConnectionScope {
    return new Scope(this.#container, bindings, this.context.connectionTypes, this.#report);
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#roots.clear();
    this.#report(await this.#lifetime.end());
  }

  #refuseProblems(): void {
    const problems = this.#graph.takeProblems();
    if (problems.length > 0) throw dependencyError(this.context.role, problems);
  }

  /** Registers a token after what it depends on; `path` leads from a root to who asks for it. */
  #prepare(token: Token, path: readonly Token[]): Promise<void> {
    let ready = this.#ready.get(token);
    if (ready === undefined) {
      ready = this.#register(token, [...path, token]);
      this.#ready.set(token, ready);
    }
    return ready;
  }

  async #register(token: Token, path: readonly Token[]): Promise<void> {
    const node = this.#graph.node(token);
    for (const dependency of node.dependencies) await this.#prepare(dependency, path);
    switch (node.kind) {
      case 'value':
        this.#lifetime.lent(node.value);
        return this.#bind(token, () => node.value);
      case 'alias':
        return this.#bind(token, (container) => container.resolve(node.to as InjectionToken));
      case 'class':
        return this.#registerClass(node, path);
      case 'factory': {
        const value = await this.#runFactory(token, node, path);
        return this.#bind(token, () => value);
      }
      case 'bound':
      case 'missing':
        return;
    }
  }

  #registerClass(node: ClassNode, path: readonly Token[]): void {
    const { type, scope } = node;
    if (scope === 'process') {
      const instance = blame(path, () => construct(this.#container, node));
      this.#lifetime.made(type.name, instance);
      return this.#bind(type, () => instance);
    }
    this.#bind(type, (container) => {
      const lifetime = container.resolve<Lifetime>(lifetimeToken);
      if (scope === 'connection') return lifetime.one(type, () => construct(container, node));
      const instance = construct(container, node);
      lifetime.made(type.name, instance);
      return instance;
    });
  }

  async #runFactory(token: Token, { factory }: FactoryNode, path: readonly Token[]): Promise<unknown> {
    const get = async (wanted: Token): Promise<unknown> => {
      this.#graph.require(token, wanted, path);
      this.#refuseProblems();
      await this.#prepare(wanted, path);
      return this.#resolve(wanted);
    };
    try {
      const value = await factory.useFactory({ get } as Resolver);
      this.#lifetime.made(tokenName(token), value, factory.dispose && (() => factory.dispose?.(value)));
      // The boot failed elsewhere while this factory was still at work.
      if (this.#disposed) await this.dispose();
      return value;
    } catch (error) {
      throw blamed(path, error);
    }
  }

  #resolve(token: Token): unknown {
    return this.#container.resolve(token as InjectionToken);
  }

  /** Factories, because tsyringe takes a value of undefined or null for no value. */
  #bind(token: Token, find: (container: DependencyContainer) => unknown): void {
    this.#container.register(token as InjectionToken, { useFactory: find });
  }

  /** A disposal that fails is logged and keeps nothing else from its turn. */
  readonly #report = (failures: readonly DisposalFailure[]): void => {
    if (failures.length === 0) return;
    const logger = this.context.bindings.find(([token]) => token === Logger)?.[1] as Logger | undefined;
    if (logger === undefined) {
      throw new AggregateError(
        failures.map(({ error }) => error),
        `${failures.map(({ name }) => name).join(', ')} could not be disposed`,
      );
    }
    for (const { name, error } of failures) logger.error(`${name} could not be disposed`, { error });
  };
}

/** The objects of one connection. */
class Scope implements ConnectionScope {
  readonly #lifetime = new Lifetime();
  readonly #roots = new Map<Constructor, object>();
  #container: DependencyContainer | undefined;
  #ended = false;

  constructor(
    private readonly parent: DependencyContainer,
    private readonly bindings: readonly Binding[],
    private readonly types: readonly Constructor[],
    private readonly report: (failures: readonly DisposalFailure[]) => void,
  ) {}

  resolve(type: Constructor): object {
    let instance = this.#roots.get(type);
    if (instance === undefined) {
      if (this.#ended) throw ended(type);
      if (!this.types.includes(type)) throw notHere(type, 'a connection of this process');
      this.#container ??= this.#open();
      instance = this.#container.resolve(type as InjectionToken<object>);
      this.#roots.set(type, instance);
    }
    return instance;
  }

  async dispose(): Promise<void> {
    this.#ended = true;
    this.#container = undefined;
    this.#roots.clear();
    this.report(await this.#lifetime.end());
  }

  #open(): DependencyContainer {
    const container = this.parent.createChildContainer();
    container.register(lifetimeToken, { useValue: this.#lifetime });
    for (const [token, value] of this.bindings) {
      container.register(token as InjectionToken, { useValue: value });
      this.#lifetime.lent(value);
    }
    return container;
  }
}

function construct(container: DependencyContainer, { type, parameters }: ClassNode): object {
  const build = type as unknown as new (...args: unknown[]) => object;
  return new build(
    ...parameters.map((token) =>
      token === undefined ? undefined : container.resolve(token as InjectionToken),
    ),
  );
}

function blame<Result>(path: readonly Token[], run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    throw blamed(path, error);
  }
}

/** Says what could not be made; an error that says so already, from deeper in the path, stays as it is. */
function blamed(path: readonly Token[], error: unknown): unknown {
  if (error instanceof ConfigError || error instanceof ProcessError) return error;
  const name = tokenName(path.at(-1) ?? 'object');
  const reason = error instanceof Error ? error.message : String(error);
  return new ProcessError('BOOT_FAILED', `${name} could not be made (${showPath(path)}): ${reason}`, {
    cause: error,
  });
}

function notHere(type: Constructor, where: string): ConfigError {
  return new ConfigError(
    'CONFIG_DEPENDENCY',
    `${type.name} was not built, because no event or timer of it runs in ${where}.`,
  );
}

function ended(type: Constructor): ProcessError {
  return new ProcessError('SHUTTING_DOWN', `${type.name} is gone: its scope has been disposed.`);
}
