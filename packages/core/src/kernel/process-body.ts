/** What a user process runs: found before the process is ready, and called when it serves. */
import type { Container, ProcessBody, ProcessSpec } from '../definition.js';
import { ConfigError } from '../errors.js';
import type { BoundHandler } from '../events/bound-handler.js';

/**
 * Undefined for a class without `run`. Rejects with `ConfigError`
 * CONFIG_PROCESS_MODULE for a module that is none.
 */
export async function loadBody(
  { name, body }: ProcessSpec,
  container: Container | undefined,
  server: object,
): Promise<BoundHandler | undefined> {
  const run = await find(body, container, server);
  const label = body.kind === 'class' ? `${body.type.name}.run` : `process ${name}`;
  return run && { event: 'run', label, run, parameters: run.length };
}

async function find(
  body: ProcessBody,
  container: Container | undefined,
  server: object,
): Promise<(() => unknown) | undefined> {
  switch (body.kind) {
    case 'function':
      return () => body.run(server);
    case 'module': {
      const run = await loadModule(body.url);
      return () => run(server);
    }
    case 'class': {
      const instance: { run?: () => unknown } | undefined = container?.resolve(body.type);
      return typeof instance?.run === 'function' ? instance.run.bind(instance) : undefined;
    }
  }
}

async function loadModule(url: string): Promise<(server: object) => unknown> {
  const found = mainOf(await load(url));
  if (found !== undefined) return found;
  throw new ConfigError(
    'CONFIG_PROCESS_MODULE',
    `the process module ${url} has no function as its default export: export default (server) => { … }`,
  );
}

async function load(url: string): Promise<{ default?: unknown }> {
  try {
    return (await import(url)) as object;
  } catch (cause) {
    throw new ConfigError(
      'CONFIG_PROCESS_MODULE',
      `the process module ${url} cannot be loaded (${cause instanceof Error ? cause.message : String(cause)}): ` +
        'name a compiled JavaScript module by its file URL, and see that it loads by itself',
      { cause },
    );
  }
}

/** The default export, or that of a CommonJS module which was compiled from one. */
function mainOf(module: { default?: unknown }): ((server: object) => unknown) | undefined {
  const owner = module.default as { default?: unknown } | null | undefined;
  for (const candidate of [owner, owner?.default])
    if (typeof candidate === 'function') return candidate as (server: object) => unknown;
  return undefined;
}
