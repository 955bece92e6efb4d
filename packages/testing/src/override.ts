import { ConfigError } from '@shoal/core';
import type { RoleName } from '@shoal/core/internal/definition';
import type { Override } from '@shoal/decorators';

/** A function for each role that gets something else; in other processes nothing changes. */
export type OverridesByRole = { readonly [Role in RoleName]?: Override };

/**
 * Puts other things in the place of classes and tokens, once in each process:
 * `(registry, { role, workerId }) => void`, or an object of such functions by
 * role. A process that is several at once, as the first one of base mode, calls
 * those of all its roles, that of its main one last.
 */
export type Overrides = Override | OverridesByRole;

const ROLES = Object.keys({
  master: true,
  manager: true,
  worker: true,
  taskWorker: true,
  userProcess: true,
} satisfies Record<Exclude<RoleName, 'queue'>, true>) as readonly RoleName[];

/**
 * What is given itself, or `export default` or `export const override` of the
 * module at a URL.
 *
 * @param name the export, if it is another
 * @throws ConfigError CONFIG_INVALID when it is neither a function nor an object of functions by role
 */
export async function loadOverride(given: Overrides | string | URL, name?: string): Promise<Override> {
  if (typeof given !== 'string' && !(given instanceof URL)) return asFunction(given, 'override');
  const module = (await import(String(given))) as Record<string, unknown>;
  const found = name === undefined ? (module['default'] ?? module['override']) : module[name];
  if (found !== undefined) return asFunction(found, `the override of ${String(given)}`);
  const missing =
    name === undefined ? 'no default export and no export named override' : `no export named ${name}`;
  throw invalid(`${String(given)} has ${missing}. ${remedy}`);
}

function asFunction(found: unknown, what: string): Override {
  if (typeof found === 'function') return found as Override;
  if (typeof found !== 'object' || found === null || Array.isArray(found)) {
    throw invalid(`${what} is ${found === null ? 'null' : typeof found}. ${remedy}`);
  }
  for (const [role, override] of Object.entries(found)) {
    if (!ROLES.includes(role as RoleName)) {
      throw invalid(`${what} names the role ${JSON.stringify(role)}; there are ${ROLES.join(', ')}.`);
    }
    if (override !== undefined && typeof override !== 'function') {
      throw invalid(`${what} has under ${role} no function. ${remedy}`);
    }
  }
  const byRole = found as OverridesByRole;
  return (registry, place) => {
    for (const role of place.roles.toReversed()) byRole[role]?.(registry, place);
  };
}

const remedy =
  'Give a function (registry, { role, workerId }) => void, or an object of such functions by role: { worker: (registry) => … }.';

function invalid(message: string): ConfigError {
  return new ConfigError('CONFIG_INVALID', message);
}
