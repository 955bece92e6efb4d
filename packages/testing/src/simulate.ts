import { Server } from '@shoal/core';
import type { Definition } from '@shoal/core/internal/definition';
import { startReactorThread } from '@shoal/core/internal/kernel/reactor-role';
import { readDefinition } from '@shoal/decorators';
import { loadOverride, type Override } from './override.js';
import { startSimulated } from './simulated-server.js';
import type { AppClass, SettingsOverrides } from './application.js';
import type { SimulatedServer } from './simulated-server.js';
import type { WorldOptions } from './world/world-options.js';

export interface SimulateOptions extends WorldOptions {
  /** Settings that go before those of the application. */
  readonly settings?: SettingsOverrides;
  /** Puts other things in the place of classes and tokens: a function, or the URL of a module that exports one. */
  readonly override?: Override | string | URL;
}

/**
 * Starts the application in a simulated world, deterministic from `seed`
 * (default 1). Its settings are its own; port 0 gets a number as everywhere.
 */
export async function simulate(
  target: AppClass | Definition,
  options: SimulateOptions = {},
): Promise<SimulatedServer> {
  const define = await definitionOf(target, options);
  return startSimulated(
    {
      main: (platform) => new Server(define(), platform).start(),
      threadMain: (platform) => startReactorThread(platform),
    },
    options,
  );
}

/** Every virtual process makes a definition of its own, as every real one does. */
async function definitionOf(
  target: AppClass | Definition,
  options: SimulateOptions,
): Promise<() => Definition> {
  const { settings = {}, override } = options;
  if (typeof target === 'function') {
    const loaded = override === undefined ? undefined : await loadOverride(override);
    return () => readDefinition(target, settings, loaded === undefined ? {} : { override: loaded });
  }
  if (override !== undefined)
    throw new Error(
      'override goes with a class that carries @ServerConfig; a definition brings its own container',
    );
  const own = target.settings;
  return () => ({ ...target, settings: { ...(typeof own === 'function' ? own() : own), ...settings } });
}
