import { Server, type Definition, type RunningServer, type SettingsInput } from '@shoal/core';
import type { Constructor } from '@shoal/core/internal/definition';
import { exitWith } from '@shoal/core/internal/kernel/exit';
import { readDefinition } from './read-definition.js';

/**
 * Starts the server that `@ServerConfig` declares on `App`, or plays the role of
 * the process in which it is called: `main.ts` is loaded in every process.
 *
 * Resolves in the master once every worker is ready; never in any other role. A
 * configuration that is not valid is printed, and the process exits with 78.
 *
 * @param overrides settings that go before those of `@ServerConfig`
 */
export async function run(App: Constructor, overrides?: Partial<SettingsInput>): Promise<RunningServer> {
  return new Server(read(App, overrides)).start();
}

function read(App: Constructor, overrides: Partial<SettingsInput> | undefined): Definition {
  try {
    return readDefinition(App, overrides);
  } catch (error) {
    return exitWith(error);
  }
}
