import { ConfigError, type SettingsInput } from '@shoal/core';
import { show } from '@shoal/core/internal/config/show';
import type { Constructor } from '@shoal/core/internal/definition';
import type { ClassMarker } from './class-decorator.js';
import { ClassMetadata } from './metadata.js';
import { callingModule } from './module-location.js';
import type { Provider } from './provider.js';

/** The settings of the kernel, and the classes of the application. */
export type ServerOptions = SettingsInput & {
  /** Classes with `@Handler`, in the order in which their hooks run. The class itself need not be listed. */
  readonly handlers?: readonly Constructor[];
  /** What tokens stand for, where a class does not speak for itself. */
  readonly providers?: readonly Provider[];
};

/** What `@ServerConfig` recorded. */
export interface ServerDeclaration {
  readonly options: ServerOptions | (() => ServerOptions);
  /** The module in which the class is declared. */
  readonly module: string | undefined;
}

const declarations = new ClassMetadata<ServerDeclaration>('server');

/**
 * Declares a server: `@ServerConfig({ listeners: [tcp({ port: 9501 })], handlers: [Chat] })`.
 * A function is called in each process when the server starts there, and may
 * read the environment. The class may carry handler methods itself.
 *
 * @throws ConfigError CONFIG_INVALID without options, when the class is declared
 */
export function ServerConfig(options: ServerOptions | (() => ServerOptions)): ClassMarker {
  const isBare = typeof options === 'function' && /^class\b/.test(Function.prototype.toString.call(options));
  if (isBare || ((typeof options !== 'object' || options === null) && typeof options !== 'function')) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `@ServerConfig was given ${isBare ? 'a class' : show(options)}. Write @ServerConfig({ listeners, handlers }) ` +
        'or @ServerConfig(() => ({ … })).',
    );
  }
  return function declare(type: Constructor): void {
    declarations.set(type, { options, module: callingModule(declare) });
  };
}

/** What was declared on the class or the nearest of its bases. */
export function serverDeclaration(type: Constructor): ServerDeclaration | undefined {
  return declarations.inherited(type);
}

/**
 * The URL of the module in which a server class is declared.
 *
 * @throws ConfigError CONFIG_NOT_A_SERVER for a class without `@ServerConfig` of its own, or made by `eval`
 */
export function moduleOf(App: Constructor): string {
  const declaration = declarations.own(App);
  if (declaration?.module === undefined) {
    throw new ConfigError(
      'CONFIG_NOT_A_SERVER',
      declaration === undefined
        ? `${App.name} carries no @ServerConfig, which is what knows its module. Put @ServerConfig on the class itself.`
        : `The module of ${App.name} is not known. Declare the class in a file.`,
    );
  }
  return declaration.module;
}
