/** Why something cannot be injected, in words that name the place, the way there and the remedy. */
import { ConfigError } from '@shoal/core';
import { nearest } from '@shoal/core/internal/config/nearest';
import { show } from '@shoal/core/internal/config/show';
import type { Constructor } from '@shoal/core/internal/definition';
import { isBuiltIn } from './class.js';
import type { Parameter } from './constructor-parameters.js';
import { isHandler } from './handler.js';
import { isInjectable } from './injectable.js';
import type { Token } from './provider.js';
import { tokenName } from './token-name.js';

export interface DependencyProblem {
  readonly code: 'CONFIG_DEPENDENCY' | 'CONFIG_SCOPE';
  readonly what: string;
  readonly remedy: string;
  /** From a class whose events run in this process to the place of the problem. */
  readonly path: readonly Token[];
}

/** One error for all problems that were found in a process. */
export function dependencyError(role: string, problems: readonly DependencyProblem[]): ConfigError {
  const code = problems.some((problem) => problem.code === 'CONFIG_DEPENDENCY')
    ? 'CONFIG_DEPENDENCY'
    : 'CONFIG_SCOPE';
  const title = problems.length === 1 ? 'A dependency' : `${problems.length} dependencies`;
  const texts = problems.map(
    ({ what, remedy, path }) => `- ${what}\n  path:   ${showPath(path)}\n  remedy: ${remedy}`,
  );
  return new ConfigError(code, `${title} of the ${role} cannot be injected:\n${texts.join('\n')}`);
}

export function showPath(path: readonly Token[]): string {
  return path.map(tokenName).join(' → ');
}

/** `Chat, parameter 2 "rooms"`: where a dependency is asked for. */
export function showPlace(type: Constructor, { position, name }: Parameter): string {
  return `${tokenName(type)}, parameter ${position}${name === undefined ? '' : ` "${name}"`}`;
}

type Finding = Pick<DependencyProblem, 'what' | 'remedy'>;

/** A parameter for which nothing at all was recorded. */
export function unknownParameter(type: Constructor, parameter: Parameter): Finding {
  const name = tokenName(type);
  const what = `${showPlace(type, parameter)}: no type was recorded for it`;
  if (isHandler(type) || isInjectable(type)) {
    return {
      what: `${what}, because ${name} was compiled without decorator metadata.`,
      remedy:
        'compile with tsc and "emitDecoratorMetadata" (esbuild, and so tsx, drops it), ' +
        'or mark every parameter with @inject(Token).',
    };
  }
  return {
    what: `${what}, because ${name} is not decorated.`,
    remedy:
      `put @Injectable() on ${name} and compile with tsc; ` +
      `if it is not yours, add { provide: ${name}, useFactory } to the providers.`,
  };
}

/** A parameter whose token is not a class, a string or a symbol. */
export function invalidToken(type: Constructor, parameter: Parameter): Finding {
  const place = showPlace(type, parameter);
  if (parameter.token === undefined || parameter.token === null) {
    return {
      what: `${place}: its type was undefined when ${tokenName(type)} was declared.`,
      remedy:
        'two modules import each other: move what both need into a third, so that imports form no circle.',
    };
  }
  return {
    what: `${place}: its token is ${show(parameter.token)}, not a class, a string or a symbol.`,
    remedy:
      'use @inject(Token) of @shoal/decorators; delay(), injectAll() and transforms of tsyringe are not supported.',
  };
}

/** A parameter whose emitted type is a class of the language. */
export function builtInType(type: Constructor, parameter: Parameter, token: Constructor): Finding {
  const place = showPlace(type, parameter);
  const byToken =
    "provide it under a token, { provide: 'name', useValue }, and ask for it by @inject('name')";
  if (token === Function) {
    return {
      what: `${place}: its type was recorded as Function.`,
      remedy: `if it is a class, import it as a value, because \`import type\` erases it; if it is a function, ${byToken}.`,
    };
  }
  if (token === Object) {
    return {
      what: `${place}: its type was recorded as Object, which stands for interfaces, unions and aliases.`,
      remedy: `those do not exist at run time: ask for a class, or ${byToken}.`,
    };
  }
  return {
    what: `${place}: its type is ${token.name}, which does not say which value is meant.`,
    remedy: `${byToken}.`,
  };
}

/** A string, symbol or class of the language that no provider knows. `place` is who asks for it. */
export function missingProvider(place: string, token: Token, known: Iterable<Token>): Finding {
  const name = tokenName(token);
  const names = [...known].filter((other) => typeof other === typeof token).map(tokenName);
  const guess = typeof token === 'function' ? undefined : nearest(name, names);
  return {
    what: `${place}: nothing provides ${name}.${guess === undefined ? '' : ` Did you mean ${guess}?`}`,
    remedy: `add { provide: ${name}, useClass | useValue | useFactory } to the providers of @ServerConfig.`,
  };
}

export function isValidToken(token: unknown): token is Token {
  return typeof token === 'function' || typeof token === 'string' || typeof token === 'symbol';
}

/** Whether only a provider can say what the token stands for. */
export function needsProvider(token: Token): boolean {
  return typeof token !== 'function' || isBuiltIn(token);
}
