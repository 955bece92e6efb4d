import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, posix } from 'node:path';
import { parseSource } from './syntax.mjs';
import { readImports } from './imports.mjs';

/**
 * The sources of all workspaces as the checks see them.
 *
 * A module has a `path` from the root with forward slashes, its `workspace`,
 * its syntax and its `imports`. An import that leads to a source of ours has a
 * `target`: the path of that source, whether it was named relatively or by its
 * package.
 */
export async function readTree(root, rules) {
  const problems = [];
  const modules = [];
  for (const [workspace, { sources }] of Object.entries(rules.workspaces)) {
    const top = posix.join(workspace, sources);
    for (const path of sourcesBelow(root, top)) {
      try {
        const syntax = await parseSource(readFileSync(join(root, path), 'utf8'), path);
        const imports = readImports(syntax).map((each) => ({
          ...each,
          target: targetOf(each.specifier, path, rules),
        }));
        modules.push({ path, workspace, top, syntax, imports });
      } catch (error) {
        const line = error.loc?.start?.line ?? error.loc?.line ?? 1;
        problems.push({ file: path, line, rule: 'syntax', message: error.message.split('\n')[0] });
      }
    }
  }
  return { problems: [...problems, ...unknownWorkspaces(root, rules)], modules };
}

/** The source that an import names, or undefined when it is not one of ours. */
function targetOf(specifier, from, rules) {
  if (/^\.{1,2}(\/|$)/.test(specifier)) return sourceOf(posix.join(posix.dirname(from), specifier));
  for (const [workspace, { name, sources }] of Object.entries(rules.workspaces)) {
    if (specifier !== name && !specifier.startsWith(`${name}/`)) continue;
    const within = specifier.slice(name.length + 1).replace(/^internal\//, '') || 'index';
    return posix.join(workspace, sources, `${within}.ts`);
  }
  return undefined;
}

function sourceOf(path) {
  return path.replace(/\.([cm]?)js$/, '.$1ts');
}

function sourcesBelow(root, directory) {
  if (!existsSync(join(root, directory))) return [];
  return readdirSync(join(root, directory), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(directory, entry.name);
    if (entry.isDirectory())
      return ['node_modules', 'dist'].includes(entry.name) ? [] : sourcesBelow(root, path);
    return /\.[cm]?ts$/.test(entry.name) ? [path] : [];
  });
}

function unknownWorkspaces(root, rules) {
  return ['packages', 'apps']
    .flatMap((group) =>
      existsSync(join(root, group)) ? readdirSync(join(root, group)).map((name) => `${group}/${name}`) : [],
    )
    .filter((path) => existsSync(join(root, path, 'package.json')) && !(path in rules.workspaces))
    .map((path) => ({
      file: `${path}/package.json`,
      line: 1,
      rule: 'workspaces',
      message: 'the layer rules do not know this workspace: say there what it may import',
    }));
}
