/** What the tokens of one process stand for, as providers and overrides say. */
import { ConfigError } from '@shoal/core';
import { show } from '@shoal/core/internal/config/show';
import { isClass } from './class.js';
import type { OverrideRegistry, Provider, Replacement, Token } from './provider.js';
import { tokenName } from './token-name.js';

export class Registry implements OverrideRegistry {
  readonly #replacements = new Map<Token, Replacement>();

  add(provider: Provider): void {
    if (typeof provider === 'function') {
      this.#replacements.set(provider, { useClass: provider });
    } else {
      this.#replacements.set(provider.provide, provider);
    }
  }

  register(token: Token, replacement: Replacement): this {
    const problem = providerProblem({ ...replacement, provide: token });
    if (problem !== undefined) {
      throw new ConfigError('CONFIG_INVALID', `register(${tokenName(token)}, …): ${problem}`);
    }
    this.#replacements.set(token, replacement);
    return this;
  }

  get(token: Token): Replacement | undefined {
    return this.#replacements.get(token);
  }

  entries(): Iterable<readonly [Token, Replacement]> {
    return this.#replacements.entries();
  }
}

/** What is wrong with an entry of `providers`, with the remedy; undefined when nothing is. */
export function providerProblem(entry: unknown): string | undefined {
  if (entry === undefined) return 'it is undefined: its module and this one import each other.';
  if (isClass(entry)) return undefined;
  if (typeof entry !== 'object' || entry === null) {
    return `it is ${show(entry)}. Write a class, or { provide, useClass | useValue | useFactory }.`;
  }
  if (!('provide' in entry))
    return 'it does not say what it provides. Add provide: a class, a string or a symbol.';
  const { provide } = entry;
  if (provide === undefined)
    return 'what it provides is undefined: its module and this one import each other.';
  if (typeof provide !== 'function' && typeof provide !== 'string' && typeof provide !== 'symbol') {
    return `it provides ${show(provide)}. Write a class, a string or a symbol.`;
  }
  const ways = ['useClass', 'useValue', 'useFactory'].filter((way) => way in entry);
  if (ways.length !== 1) {
    return (
      `${tokenName(provide as Token)} has ${ways.length === 0 ? 'none' : ways.join(' and ')} ` +
      'of useClass, useValue and useFactory. Write exactly one.'
    );
  }
  return wayProblem(provide as Token, entry);
}

function wayProblem(token: Token, entry: object): string | undefined {
  const name = tokenName(token);
  if ('useClass' in entry && !isClass(entry.useClass)) {
    return `useClass of ${name} is ${show(entry.useClass)}. Write a class${
      entry.useClass === undefined ? '; undefined means that its module and this one import each other' : ''
    }.`;
  }
  if ('useFactory' in entry && typeof entry.useFactory !== 'function') {
    return `useFactory of ${name} is ${show(entry.useFactory)}. Write a function.`;
  }
  if ('dispose' in entry && entry.dispose !== undefined) {
    if (!('useFactory' in entry)) {
      return `${name} has dispose without useFactory. Only what the container makes is disposed by it.`;
    }
    if (typeof entry.dispose !== 'function') {
      return `dispose of ${name} is ${show(entry.dispose)}. Write a function.`;
    }
  }
  return undefined;
}
