import { posix } from 'node:path';

/** Files and folders are kebab-case nouns that say what is inside; only a package root has an index. */
export function checkNames({ modules }, { names, workspaces }) {
  return modules.flatMap(({ path, workspace, top }) => {
    const parts = posix.relative(top, path).split('/');
    const base = parts.pop();
    const report = (message) => ({ file: path, line: 1, rule: 'names', message });
    const stem = base.replace(
      workspaces[workspace].sources === '.' ? /(\.test)?\.[cm]?ts$/ : /\.[cm]?ts$/,
      '',
    );

    const violations = [...parts, stem].flatMap((name) => {
      if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) return [report(`${name} is not kebab-case`)];
      return names.banned.includes(name) ? [report(`${name} says nothing about what is inside`)] : [];
    });
    if (stem === 'index' && parts.length > 0) violations.push(report('only a package root has an index'));
    return violations;
  });
}
