import { ConfigError } from '@shoal/core/internal/errors';
import type { AppClass } from './application.js';

/** Each process imports the application anew, so it has to be an export of a module that does nothing else. */
export async function findExport(App: AppClass, module: string): Promise<string> {
  if (/\.(test|spec)\.[cm]?[jt]s$/.test(new URL(module).pathname)) {
    throw new ConfigError(
      'CONFIG_NOT_A_SERVER',
      `${App.name} is declared in a test file (${module}), which its processes cannot load. Move it into a module of its own and export it.`,
    );
  }
  const exported = (await import(module)) as Record<string, unknown>;
  const name = Object.keys(exported).find((key) => exported[key] === App);
  if (name !== undefined) return name;
  throw new ConfigError(
    'CONFIG_NOT_A_SERVER',
    `${App.name} is not exported by ${module}, so that its processes cannot find it. Write export class ${App.name}, in a module that is no test, because every process loads it.`,
  );
}
