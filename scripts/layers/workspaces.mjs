import { posix } from 'node:path';

/** A workspace imports the workspaces it may know, by name, and never by a path that leaves its own sources. */
export function checkWorkspaces({ modules }, rules) {
  return modules.flatMap((module) =>
    module.imports.flatMap(({ specifier, target, line }) => {
      const message = target === undefined ? undefined : judge(module, specifier, target, rules);
      return message === undefined ? [] : [{ file: module.path, line, rule: 'workspaces', message }];
    }),
  );
}

function judge({ workspace, top }, specifier, target, { workspaces }) {
  const { name, imports, internals } = workspaces[workspace];
  if (specifier.startsWith('.')) {
    return isBelow(target, top)
      ? undefined
      : `${specifier} leaves ${top}: another workspace is imported by its name`;
  }
  if (specifier === name || specifier.startsWith(`${name}/`)) {
    return `${specifier} is this workspace itself: import its files relatively`;
  }
  const wanted = Object.values(workspaces).find(
    (each) => specifier === each.name || specifier.startsWith(`${each.name}/`),
  );
  if (imports !== '*' && !imports.includes(wanted.name)) {
    const known = imports.length === 0 ? 'no other workspace' : imports.join(' and ');
    return `${name} may import ${known}, not ${wanted.name}`;
  }
  if (specifier !== wanted.name && !internals)
    return `${name} uses the public list of ${wanted.name}, not ${specifier}`;
  return undefined;
}

function isBelow(path, directory) {
  return !posix.relative(directory, path).startsWith('..');
}
