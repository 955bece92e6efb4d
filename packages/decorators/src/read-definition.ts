/**
 * Turns decorated classes into the plain definition that the kernel reads. What
 * the kernel can see for itself (two handlers of one event, an unknown listener,
 * a setting out of range) is left to it.
 */
import { eventTable } from '@shoal/core/internal/events/event-table';
import { ConfigError, type Definition, type SettingsInput } from '@shoal/core';
import { show } from '@shoal/core/internal/config/show';
import type {
  Constructor,
  HandlerSpec,
  ProcessSpec,
  Target,
  TimerSpec,
} from '@shoal/core/internal/definition';
import { isClass } from './class.js';
import { containerFactory } from './container.js';
import { isHandler } from './handler.js';
import type { Override, Provider } from './provider.js';
import { registrationsOf, type Registration } from './registrations.js';
import { providerProblem } from './registry.js';
import { hasRun, processName } from './process.js';
import { declaredScope } from './scope.js';
import { serverDeclaration, type ServerOptions } from './server-config.js';

export interface DefinitionOptions {
  /** For tests: puts other things in the place of classes and tokens. Called once in each process. */
  readonly override?: Override;
}

/**
 * What `@ServerConfig` on `App` and the decorators of its handlers say. Options
 * given as a function are called here, once.
 *
 * @param overrides settings that go before those of `@ServerConfig`
 * @throws ConfigError CONFIG_NOT_A_SERVER, CONFIG_INVALID, CONFIG_SCOPE: all problems of handlers and providers at once
 */
export function readDefinition(
  App: Constructor,
  overrides: Partial<SettingsInput> = {},
  options: DefinitionOptions = {},
): Definition {
  const { handlers = [], providers = [], ...settings } = readOptions(App);
  const types = handlerTypes(App, handlers);
  const problems = [
    ...handlerProblems(App, handlers),
    ...providerProblems(providers),
    ...scopeProblems(types),
  ];
  const [first] = problems;
  if (first !== undefined) {
    throw new ConfigError(
      first.code,
      `@ServerConfig on ${App.name} cannot be used:\n${problems.map(({ text }) => `- ${text}`).join('\n')}`,
    );
  }
  const specs = types.flatMap((type) =>
    registrationsOf(type).map((registration) => toSpec(type, registration)),
  );
  const processes = types.flatMap((type) => toProcess(type));
  return {
    name: App.name,
    settings: { ...settings, ...overrides },
    handlers: specs.filter((spec): spec is HandlerSpec => 'event' in spec),
    timers: specs.filter((spec): spec is TimerSpec => 'interval' in spec),
    ...(processes.length > 0 && { processes }),
    ...(specs.length + processes.length > 0 && { container: containerFactory(providers, options.override) }),
  };
}

function readOptions(App: Constructor): ServerOptions {
  const declaration = isClass(App) ? serverDeclaration(App) : undefined;
  if (declaration === undefined) {
    throw new ConfigError(
      'CONFIG_NOT_A_SERVER',
      `${isClass(App) ? App.name : show(App)} is not a server. Put @ServerConfig({ listeners, handlers }) on the class ` +
        'that is given to run().',
    );
  }
  const options =
    typeof declaration.options === 'function' ? call(App, declaration.options) : declaration.options;
  if (typeof options !== 'object' || options === null || 'then' in options) {
    const got = typeof options === 'object' && options !== null ? 'a promise' : show(options);
    throw new ConfigError(
      'CONFIG_INVALID',
      `The function given to @ServerConfig on ${App.name} returned ${got}. Return an object; what takes time ` +
        'belongs into a provider with useFactory.',
    );
  }
  return options;
}

function call(App: Constructor, read: () => ServerOptions): ServerOptions {
  try {
    return read();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(
      'CONFIG_INVALID',
      `The function given to @ServerConfig on ${App.name} threw: ${reason}`,
      { cause },
    );
  }
}

/** The application class first, if it handles events itself, then `handlers` in their order. */
function handlerTypes(App: Constructor, handlers: unknown): readonly Constructor[] {
  const listed = Array.isArray(handlers) ? handlers.filter(isClass) : [];
  const acts = registrationsOf(App).length > 0 || processName(App) !== undefined;
  const own = acts && !listed.includes(App) ? [App] : [];
  return [...new Set([...own, ...listed])];
}

type Problem = { readonly code: 'CONFIG_INVALID' | 'CONFIG_SCOPE'; readonly text: string };

function handlerProblems(App: Constructor, handlers: unknown): readonly Problem[] {
  if (!Array.isArray(handlers)) return [invalid(`handlers is ${show(handlers)}. Write an array of classes.`)];
  return handlers.flatMap((type: unknown, index) => {
    const place = `handlers[${index}]`;
    if (type === undefined)
      return invalid(`${place} is undefined: its module and this one import each other.`);
    if (!isClass(type)) return invalid(`${place} is ${show(type)}. Write a class.`);
    if (handlers.indexOf(type) < index) return invalid(`${place}: ${type.name} is listed twice. Remove one.`);
    if (processName(type) !== undefined) return processProblems(type, place);
    if (type !== App && !isHandler(type)) {
      return invalid(`${place}: ${type.name} is not decorated. Put @Handler() on the class.`);
    }
    if (registrationsOf(type).length === 0) {
      return invalid(
        `${place}: ${type.name} handles no event. Put @OnReceive or another event decorator on one of its ` +
          'methods; a class that is only injected is not listed here.',
      );
    }
    return [];
  });
}

/** What the kernel cannot see: it knows the process only. */
function processProblems(type: Constructor, place: string): readonly Problem[] {
  if (isHandler(type)) {
    return [
      invalid(
        `${place}: ${type.name} carries @Handler and @Process. Remove @Handler: it lives in its own process alone.`,
      ),
    ];
  }
  if (declaredScope(type) === 'connection') {
    const text =
      `${type.name} has the scope 'connection', but lives in a process of its own, which serves none. ` +
      'Remove the scope.';
    return [{ code: 'CONFIG_SCOPE', text }];
  }
  if (registrationsOf(type).length > 0 || hasRun(type)) return [];
  return [
    invalid(
      `${place}: ${type.name} has nothing to do in its process. Give it a method run(), or put @OnWorkerStart, @Tick ` +
        'or @OnCommand on one of its methods.',
    ),
  ];
}

function providerProblems(providers: readonly Provider[]): readonly Problem[] {
  if (!Array.isArray(providers)) return [invalid(`providers is ${show(providers)}. Write an array.`)];
  return providers.flatMap((provider, index) => {
    const problem = providerProblem(provider);
    return problem === undefined ? [] : [invalid(`providers[${index}]: ${problem}`)];
  });
}

/** A handler lives in a process or in a connection, and one that lives in a connection sees only what happens to it. */
function scopeProblems(types: readonly Constructor[]): readonly Problem[] {
  return types.flatMap((type) => {
    const scope = declaredScope(type);
    if (scope === 'transient') {
      const text = `${type.name} has the scope 'transient', but its events need one instance. Use 'process' or 'connection'.`;
      return [{ code: 'CONFIG_SCOPE' as const, text }];
    }
    if (scope !== 'connection' || processName(type) !== undefined) return [];
    return registrationsOf(type)
      .filter((registration) => !isOfConnection(registration))
      .map((registration) => ({
        code: 'CONFIG_SCOPE' as const,
        text:
          `${type.name}.${registration.method} is a ${registration.kind === 'timer' ? 'timer' : 'hook'} of the process, ` +
          `but ${type.name} exists once for each connection. Move the method into a class with the scope 'process'.`,
      }));
  });
}

function isOfConnection(registration: Registration): boolean {
  return registration.kind === 'event' && eventTable[registration.event].kind === 'connection';
}

function invalid(text: string): Problem {
  return { code: 'CONFIG_INVALID', text };
}

function toSpec(type: Constructor, registration: Registration): HandlerSpec | TimerSpec {
  const { method } = registration;
  const run = (type.prototype as Record<string, { readonly length: number } | undefined>)[method];
  const target: Target = {
    kind: 'method',
    type,
    method,
    scope: declaredScope(type) === 'connection' ? 'connection' : 'process',
    parameters: run?.length ?? 0,
  };
  const label = `${type.name}.${method}`;
  const process = processName(type);
  const place = process === undefined ? {} : { process };
  const { kind: _kind, method: _method, ...about } = registration;
  return { ...about, ...place, label, target };
}

function toProcess(type: Constructor): readonly ProcessSpec[] {
  const name = processName(type);
  return name === undefined ? [] : [{ name, body: { kind: 'class', type } }];
}
