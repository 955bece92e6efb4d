import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

/** What is changed and compiled again: with its sources. */
const CHANGED = 'packages/core';
/** What only runs. */
const COMPILED = ['packages/decorators', 'packages/testing', 'test'];

/** Of the tests: what is explored. */
const TEST_PARTS = ['dist/mutants', 'dist/fixtures/apps'];

/**
 * Copies to `target` what an exploration needs of the built tree at `root`.
 *
 * Node looks for `@shoal/core` where the importing file really lies, so all of
 * our packages are copied, and `node_modules` is made anew: its `@shoal` leads
 * to the copies, everything else to the packages that are installed.
 */
export function copyTree(root, target) {
  mkdirSync(target, { recursive: true });
  copy('tsconfig.base.json');
  copy(CHANGED);
  for (const workspace of COMPILED) {
    copy(join(workspace, 'package.json'));
    for (const part of workspace === 'test' ? TEST_PARTS : ['dist']) copy(join(workspace, part));
  }
  linkModules(root, target);

  function copy(path) {
    cpSync(join(root, path), join(target, path), {
      recursive: true,
      preserveTimestamps: true,
      filter: (file) => !/(\.map|\.d\.ts|node_modules)$/.test(file),
    });
  }
}

function linkModules(root, target) {
  const installed = join(root, 'node_modules');
  const modules = join(target, 'node_modules');
  mkdirSync(join(modules, '@shoal'), { recursive: true });
  for (const name of readdirSync(installed))
    if (name !== '@shoal') symlinkSync(join(installed, name), join(modules, name));
  for (const workspace of [CHANGED, ...COMPILED])
    symlinkSync(join(target, workspace), join(modules, '@shoal', workspace.replace('packages/', '')));
}

/** Says what is missing before trees can be copied; undefined when nothing is. */
export function whyNotBuilt(root) {
  const needed = [CHANGED, ...COMPILED].map((workspace) =>
    join(workspace, 'dist', workspace === 'test' ? 'mutants/day.js' : 'index.js'),
  );
  return needed.find((file) => !existsSync(join(root, file)));
}
