import { Server } from '@shoal/core';
import type { Definition } from '@shoal/core/internal/definition';
import { loadAll } from '@shoal/core/internal/kernel/late-roles';
import { startReactorThread } from '@shoal/core/internal/kernel/reactor-role';
import { readDefinition } from '@shoal/decorators';
import { loadOverride, type Overrides } from './override.js';
import type { Fault } from './exploration/fault.js';
import { checkFaults } from './exploration/check-faults.js';
import { FaultInjector } from './exploration/fault-injector.js';
import { startSimulated } from './simulated-server.js';
import type { AppClass, SettingsOverrides } from './application.js';
import type { SimulatedServer } from './simulated-server.js';
import type { TraceEvent } from './trace/trace-event.js';
import type { World } from './world/world.js';
import { checkNames } from './option-names.js';
import { worldOptionNames, type WorldOptions } from './world/world-options.js';

export interface SimulateOptions extends WorldOptions {
  /** Settings that go before those of the application. */
  readonly settings?: SettingsOverrides;
  /** What goes wrong, and when: what `explore` prints of a failure. */
  readonly faults?: readonly Fault[];
  /**
   * Puts other things in the place of classes and tokens: a function, an object
   * of functions by role, or the URL of a module that exports either.
   */
  readonly override?: Overrides | string | URL;
}

/**
 * Starts the application in a simulated world, deterministic from `seed`
 * (default 1). Its settings are its own; port 0 gets a number as everywhere.
 */
export async function simulate(
  target: AppClass | Definition,
  options: SimulateOptions = {},
): Promise<SimulatedServer> {
  checkNames('simulate', options, ['settings', 'faults', 'override', ...worldOptionNames]);
  const { faults } = options;
  if (faults === undefined) return simulateIn(target, options);
  let injector: FaultInjector | undefined;
  const server = await simulateIn(target, options, (world) =>
    world.watch((fact) => injector?.observe(fact as unknown as TraceEvent)),
  );
  try {
    checkFaults(faults, server.running.workers);
  } catch (error) {
    server.world.end();
    throw error;
  }
  injector = new FaultInjector(server, faults);
  return server;
}

/** As `simulate`, in a world that is prepared before anything happens, and without faults. */
export async function simulateIn(
  target: AppClass | Definition,
  options: SimulateOptions,
  prepare?: (world: World) => void,
): Promise<SimulatedServer> {
  await loadAll();
  let define = await definitionOf(target, options);
  return startSimulated(
    {
      main: async (platform) => new Server(define(), platform).start(),
      threadMain: (platform) => startReactorThread(platform),
      deploy: async (App) => {
        define = await definitionOf(App, options);
      },
    },
    options,
    prepare,
  );
}

/** Every virtual process makes a definition of its own, as every real one does. */
async function definitionOf(
  target: AppClass | Definition | URL,
  options: SimulateOptions,
): Promise<() => Definition> {
  const { settings = {}, override } = options;
  if (target instanceof URL) return definitionAt(target, options);
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

/** That of a module which may not load: then each process fails as it would, with the error of the module. */
async function definitionAt(url: URL, options: SimulateOptions): Promise<() => Definition> {
  try {
    const { default: App } = (await import(url.href)) as { readonly default: AppClass };
    return await definitionOf(App, options);
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
