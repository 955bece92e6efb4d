import { builtinModules } from 'node:module';
import { lineOf, nodesOf } from './syntax.mjs';

/** Each npm dependency is imported in its one home, so that it can be replaced there. */
export function checkHomes({ modules }, { homes }) {
  return modules
    .filter(({ path }) => homes.within.some((each) => isIn(path, each)))
    .flatMap((module) => {
      const report = (line, message) => ({ file: module.path, line, rule: 'homes', message });
      return [
        ...module.imports.flatMap(({ specifier, target, line }) => {
          const message = target === undefined ? judge(module.path, packageOf(specifier), homes) : undefined;
          return message === undefined ? [] : [report(line, message)];
        }),
        ...(isIn(module.path, homes.metadata) ? [] : metadataLines(module.syntax)).map((line) =>
          report(line, `metadata is read and written in ${homes.metadata} only`),
        ),
      ];
    });
}

function judge(path, dependency, { dependencies }) {
  if (dependency === undefined) return undefined;
  const allowed = dependencies[dependency];
  if (allowed === undefined) return `${dependency} has no home: give it one in scripts/check-layers.mjs`;
  if (allowed.some((home) => isIn(path, home))) return undefined;
  return `${dependency} is imported in ${allowed.join(' and ')} only`;
}

/** The npm package that a specifier names; undefined for Node's own modules and paths. */
function packageOf(specifier) {
  if (specifier === '' || /^[./#]/.test(specifier) || /^[a-z]+:/.test(specifier)) return undefined;
  if (builtinModules.includes(specifier)) return undefined;
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

function metadataLines(syntax) {
  return [...nodesOf(syntax)]
    .filter(({ type, object, property }) => {
      return (
        type === 'MemberExpression' &&
        object.name === 'Reflect' &&
        /metadata/i.test(property.name ?? property.value)
      );
    })
    .map(lineOf);
}

function isIn(path, home) {
  return path === home || path.startsWith(`${home}/`);
}
