import type { OverrideRegistry } from '@shoal/decorators';

/** Puts other things in the place of classes and tokens, once in each process. */
export type Override = (registry: OverrideRegistry) => void;

/** Loads `export default` or `export const override` of a module; a function is itself. */
export async function loadOverride(override: Override | string | URL, name?: string): Promise<Override> {
  if (typeof override === 'function') return override;
  const module = (await import(String(override))) as Record<string, unknown>;
  const found = name === undefined ? (module['default'] ?? module['override']) : module[name];
  if (typeof found === 'function') return found as Override;
  const wanted =
    name === undefined ? 'no default export and no export named override' : `no export named ${name}`;
  throw new Error(`${String(override)} has ${wanted} that is a function (registry) => void`);
}
