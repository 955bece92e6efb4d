/**
 * Checks that imports point the way the architecture says, and that the roles
 * of the kernel see the world through their platform only. Prints every
 * violation as `file:line  rule  message` and exits with 1 if there is one.
 *
 * The rules are the data below; each file in `layers/` knows how to check one
 * of them. Types count as much as values: the drawing stays honest, and a type
 * import is one keystroke away from a crash at load.
 */
import { fileURLToPath } from 'node:url';
import { resolve } from 'node:path';
import { checkTree } from './layers/check-tree.mjs';

export const rules = {
  /**
   * Every workspace: where its sources are, what it is called, which other
   * workspaces it may import, and whether it may reach behind their front
   * doors (`@shoal/core/internal/…`).
   */
  workspaces: {
    'packages/core': { sources: 'src', name: '@shoal/core', imports: [] },
    'packages/decorators': {
      sources: 'src',
      name: '@shoal/decorators',
      imports: ['@shoal/core'],
      internals: true,
    },
    'packages/testing': {
      sources: 'src',
      name: '@shoal/testing',
      imports: ['@shoal/core', '@shoal/decorators'],
      internals: true,
    },
    'packages/cli': {
      sources: 'src',
      name: '@shoal/cli',
      imports: ['@shoal/core', '@shoal/decorators'],
      internals: true,
    },
    'apps/demo': { sources: 'src', name: '@shoal/demo', imports: ['@shoal/core', '@shoal/decorators'] },
    test: { sources: '.', name: '@shoal/test', imports: '*', internals: true },
    bench: { sources: 'src', name: '@shoal/bench', imports: '*', internals: true },
  },

  /** The drawing, top row first. A unit is a folder or a top-level file; it imports from rows below its own. */
  rows: {
    below: 'packages/core/src',
    order: [
      ['index.ts'],
      ['server.ts'],
      ['handler-types.ts'],
      ['kernel'],
      ['master', 'manager', 'worker', 'queue-process', 'control'],
      ['reactor', 'role-actions.ts'],
      ['messaging', 'tasks'],
      ['dispatch', 'mesh', 'timers'],
      ['pipe'],
      ['framing', 'topology', 'events'],
      ['config', 'definition.ts', 'log.ts'],
      ['current-server.ts', 'platform'],
      ['errors.ts', 'version.ts'],
    ],
    /** Units that not every row above may import. */
    importedOnlyBy: {
      reactor: ['index.ts', 'server.ts', 'kernel', 'master', 'worker'],
      control: ['kernel'],
    },
    /** The real world: it implements the seam, only the kernel picks it, and it knows nothing else of ours. */
    realWorld: {
      folder: 'platform/node',
      importedBy: ['kernel'],
      imports: ['platform/platform.ts', 'errors.ts'],
    },
  },

  /** Code that must run unchanged in a simulation. */
  purity: {
    below: 'packages/core/src',
    except: {
      'platform/node': 'It is the real world.',
    },
    /** Pure computation, and context that follows promises; every other module of Node is input or output. */
    nodeModules: ['buffer', 'v8', 'util', 'util/types', 'url', 'path', 'path/posix', 'async_hooks', 'events'],
    globals: {
      ...forAll(
        'use platform.clock',
        'setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate Date performance',
      ),
      ...forAll('use platform.random', 'crypto'),
      ...forAll('use platform.self or platform.processes', 'process'),
      ...forAll('use the Logger', 'console'),
      ...forAll('use platform.network', 'fetch WebSocket EventSource'),
      ...forAll('use platform.threads', 'BroadcastChannel MessageChannel'),
    },
    members: {
      Math: { random: 'use platform.random' },
      AbortSignal: { timeout: 'use platform.clock and an AbortController' },
      Atomics: { wait: 'a role never blocks', waitAsync: 'use a Link' },
    },
  },

  /** The one home of each npm dependency, by file or folder. Tests, benchmarks and scripts may use any. */
  homes: {
    within: ['packages', 'apps'],
    dependencies: {
      zod: ['packages/core/src/config'],
      pino: ['packages/core/src/platform/node'],
      'pino-pretty': ['packages/core/src/platform/node'],
      lmdb: ['packages/core/src/platform/node/store'],
      'reflect-metadata': ['packages/decorators/src/metadata.ts'],
      tsyringe: ['packages/decorators/src/container.ts'],
      'fast-check': ['packages/testing/src/conformance'],
    },
    /** `Reflect.getMetadata` and its like come from reflect-metadata without an import. */
    metadata: 'packages/decorators/src/metadata.ts',
  },

  names: {
    banned: ['utils', 'util', 'helpers', 'helper', 'common'],
  },

  /** A module that is loaded by a name known only at run time is outside the drawing; these say why they must. */
  dynamicImports: {
    within: ['packages', 'apps'],
    except: {
      'packages/core/src/platform/node/store/node-stores.ts':
        'Loads what a store is made of in the one process that opens one.',
      'packages/core/src/framing/custom.ts': 'Loads the framing module that the user names.',
      'packages/core/src/dispatch/load-dispatch-module.ts': 'Loads the dispatch module that the user names.',
      'packages/core/src/kernel/process-body.ts': 'Loads the module of a user process.',
      'packages/core/src/kernel/late.ts': 'Loads what only some processes need.',
      'packages/core/src/kernel/late-roles.ts': 'Loads the role that this process plays.',
      'packages/testing/src/find-export.ts':
        'Loads the module that declares the App, to see that it exports it.',
      'packages/testing/src/launch-entry.ts': 'Loads the module that declares the App.',
      'packages/testing/src/simulate.ts': 'Loads the application that a test deploys by its URL.',
      'packages/testing/src/override.ts': 'Loads the module of overrides that a test names.',
    },
  },
};

function forAll(remedy, names) {
  return Object.fromEntries(names.split(' ').map((name) => [name, remedy]));
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const root = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url));
  const violations = await checkTree(root, rules);
  for (const { file, line, rule, message } of violations)
    console.error(`${file}:${line}  ${rule}  ${message}`);
  if (violations.length > 0) {
    console.error(`${violations.length} violation${violations.length === 1 ? '' : 's'} of the layer rules.`);
    process.exitCode = 1;
  }
}
