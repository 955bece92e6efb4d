/**
 * Finds out what the types of a process need, and whether all of it can be
 * made, before anything is. It walks constructors depth first, keeps going
 * after a problem so that all are told at once, and makes nothing itself.
 *
 * What a factory asks for is only known when it runs; `require` then grows the
 * graph and applies the same rules.
 */
import type { Constructor } from '@shoal/core/internal/definition';
import { constructorParameters, type Parameter } from './constructor-parameters.js';
import {
  builtInType,
  invalidToken,
  isValidToken,
  missingProvider,
  needsProvider,
  showPath,
  showPlace,
  unknownParameter,
  type DependencyProblem,
} from './dependency-problem.js';
import type { FactoryProvider, Token } from './provider.js';
import type { Registry } from './registry.js';
import { declaredScope, type Scope } from './scope.js';
import { tokenName } from './token-name.js';

type Kind =
  /** Bound by the kernel, in the process or in each connection scope. */
  | { readonly kind: 'bound' }
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'alias'; readonly to: Token }
  | {
      readonly kind: 'class';
      readonly type: Constructor;
      readonly scope: Scope;
      /** A token for each parameter; undefined leaves the parameter its default. */
      readonly parameters: readonly (Token | undefined)[];
    }
  | { readonly kind: 'factory'; readonly factory: Omit<FactoryProvider, 'provide'> }
  | { readonly kind: 'missing' };

export type DependencyNode = Kind & {
  readonly dependencies: readonly Token[];
  /** If it can only be made within a connection: the tokens from this one to the one that says so. */
  readonly connectionPath: readonly Token[] | undefined;
};

const missing: DependencyNode = { kind: 'missing', dependencies: [], connectionPath: undefined };

export class DependencyGraph {
  readonly #nodes = new Map<Token, DependencyNode>();
  /** What keeps a known token from being made, told again to each factory that asks for it. */
  readonly #refusals = new Map<Token, readonly DependencyProblem[]>();
  /** What factories have asked for while they ran. */
  readonly #asked = new Map<Token, Set<Token>>();
  #problems: DependencyProblem[] = [];

  constructor(
    private readonly registry: Registry,
    private readonly processTokens: ReadonlySet<Token>,
    private readonly connectionTokens: ReadonlySet<Token>,
  ) {}

  /** The problems found since the last call. */
  takeProblems(): readonly DependencyProblem[] {
    const problems = this.#problems;
    this.#problems = [];
    return problems;
  }

  /** Walks what a type of this process needs. */
  addRoot(type: Constructor, lives: 'process' | 'connection'): void {
    const { connectionPath } = this.#visit(type, [], () => `The ${lives} type ${tokenName(type)}`);
    if (lives === 'process' && connectionPath !== undefined) this.#outlives(type, connectionPath, []);
  }

  /** Walks what the factory of `from` asks for while it runs. */
  require(from: Token, token: Token, path: readonly Token[]): void {
    const place = `The factory of ${tokenName(from)}`;
    const asked = this.#asked.get(from) ?? new Set();
    this.#asked.set(from, asked.add(token));
    const { connectionPath } = this.#visit(token, path, () => place);
    if (connectionPath !== undefined) this.#outlives(from, connectionPath, path.slice(0, -1));
    const circle = this.#chain(token, from, new Set());
    if (circle !== undefined) this.#circular([from, ...circle], path.slice(0, -1));
  }

  /** What is known of a token that was walked without a problem. */
  node(token: Token): DependencyNode {
    return this.#nodes.get(token) ?? missing;
  }

  #visit(token: Token, path: readonly Token[], place: () => string): DependencyNode {
    const known = this.#nodes.get(token);
    if (known !== undefined) {
      this.#repeat(this.#refusals.get(token) ?? []);
      return known;
    }
    const start = path.indexOf(token);
    if (start !== -1) {
      this.#circular([...path.slice(start), token], path.slice(0, start));
      return missing;
    }
    const problems = this.#problems.length;
    const node = this.#read(token, path, place);
    // What is missing is looked for again, so that each place that asks for it is told.
    if (node.kind === 'missing') return node;
    this.#nodes.set(token, node);
    if (this.#problems.length > problems) this.#refusals.set(token, this.#problems.slice(problems));
    return node;
  }

  #repeat(problems: readonly DependencyProblem[]): void {
    this.#problems.push(...problems.filter((problem) => !this.#problems.includes(problem)));
  }

  #read(token: Token, path: readonly Token[], place: () => string): DependencyNode {
    const replacement = this.registry.get(token);
    if (replacement === undefined) {
      if (this.processTokens.has(token)) return leaf({ kind: 'bound' });
      if (this.connectionTokens.has(token)) return { ...leaf({ kind: 'bound' }), connectionPath: [token] };
      if (typeof token === 'function' && !needsProvider(token)) return this.#readClass(token, path);
      const known = [...this.registry.entries()].map(([other]) => other);
      this.#problems.push({ code: 'CONFIG_DEPENDENCY', ...missingProvider(place(), token, known), path });
      return missing;
    }
    if ('useValue' in replacement) return leaf({ kind: 'value', value: replacement.useValue });
    if ('useFactory' in replacement) return leaf({ kind: 'factory', factory: replacement });
    const { useClass } = replacement;
    if (useClass === token) return this.#readClass(useClass, path);
    const { connectionPath } = this.#visit(
      useClass,
      [...path, token],
      () => `The provider of ${tokenName(token)}`,
    );
    return {
      kind: 'alias',
      to: useClass,
      dependencies: [useClass],
      connectionPath: connectionPath && [token, ...connectionPath],
    };
  }

  #readClass(type: Constructor, path: readonly Token[]): DependencyNode {
    const here = [...path, type];
    const scope = this.#scope(type);
    const parameters = constructorParameters(type).map((parameter) =>
      this.#readParameter(type, parameter, here),
    );
    const dependencies = parameters.filter((token) => token !== undefined);
    const inner = dependencies.map((token) => this.#nodes.get(token)?.connectionPath).find((found) => found);
    if (scope === 'process' && inner !== undefined) this.#outlives(type, inner, path);
    return {
      kind: 'class',
      type,
      scope,
      parameters,
      dependencies,
      connectionPath:
        scope === 'connection' ? [type] : scope === 'transient' && inner ? [type, ...inner] : undefined,
    };
  }

  /** The token of a parameter; undefined when it keeps its default, or cannot be injected. */
  #readParameter(type: Constructor, parameter: Parameter, path: readonly Token[]): Token | undefined {
    const { token, source, hasDefault } = parameter;
    if (source === 'unknown') {
      if (!hasDefault)
        this.#problems.push({ code: 'CONFIG_DEPENDENCY', ...unknownParameter(type, parameter), path });
      return undefined;
    }
    if (!isValidToken(token)) {
      this.#problems.push({ code: 'CONFIG_DEPENDENCY', ...invalidToken(type, parameter), path });
      return undefined;
    }
    if (
      source === 'typed' &&
      typeof token === 'function' &&
      needsProvider(token) &&
      !this.#isProvided(token)
    ) {
      if (!hasDefault) {
        this.#problems.push({ code: 'CONFIG_DEPENDENCY', ...builtInType(type, parameter, token), path });
      }
      return undefined;
    }
    this.#visit(token, path, () => showPlace(type, parameter));
    return token;
  }

  #isProvided(token: Token): boolean {
    return this.registry.get(token) !== undefined || this.processTokens.has(token);
  }

  /** A class that declares no scope and replaces one that does lives as long as that one. */
  #scope(type: Constructor): Scope {
    const declared = declaredScope(type);
    if (declared !== undefined) return declared;
    for (const [token, replacement] of this.registry.entries()) {
      if (typeof token !== 'function' || !('useClass' in replacement) || replacement.useClass !== type)
        continue;
      const inherited = declaredScope(token);
      if (inherited !== undefined) return inherited;
    }
    return 'process';
  }

  #outlives(type: Token, inner: readonly Token[], path: readonly Token[]): void {
    const whole = inner[0] === type ? [...path, ...inner] : [...path, type, ...inner];
    const last = tokenName(inner.at(-1) ?? type);
    const name = tokenName(type);
    this.#problems.push({
      code: 'CONFIG_SCOPE',
      what: `${name} exists once in a process and cannot hold ${last}, which exists once for each connection.`,
      remedy:
        `give ${name} the scope 'connection' (@Injectable({ scope: 'connection' }), ` +
        `@Handler({ scope: 'connection' })), or pass ${last} to its methods.`,
      path: whole,
    });
  }

  #circular(circle: readonly Token[], path: readonly Token[]): void {
    this.#problems.push({
      code: 'CONFIG_DEPENDENCY',
      what: `These depend on each other in a circle: ${showPath(circle)}.`,
      remedy: 'move what both need into a third class, or pass one to a method of the other.',
      path: [...path, ...circle],
    });
  }

  /** The tokens that lead from one to another, both included. */
  #chain(from: Token, to: Token, seen: Set<Token>): readonly Token[] | undefined {
    if (from === to) return [from];
    if (seen.has(from)) return undefined;
    seen.add(from);
    for (const next of [...this.node(from).dependencies, ...(this.#asked.get(from) ?? [])]) {
      const rest = this.#chain(next, to, seen);
      if (rest !== undefined) return [from, ...rest];
    }
    return undefined;
  }
}

function leaf(kind: Kind): DependencyNode {
  return { ...kind, dependencies: [], connectionPath: undefined };
}
