import { builtinModules } from 'node:module';
import { readGlobalUses } from './global-uses.mjs';

/** The kernel's roles import no module of Node that touches the world, and use no global that does. */
export function checkPurity({ modules }, { purity }) {
  return modules
    .filter(({ path }) => mustBePure(path, purity))
    .flatMap((module) => {
      const report = ({ line }, message) => ({ file: module.path, line, rule: 'purity', message });
      return [
        ...module.imports
          .filter(({ specifier }) => isWorldly(specifier, purity))
          .map((each) =>
            report(each, `${each.specifier} touches the world: only platform/node may import it`),
          ),
        ...readGlobalUses(module.syntax, purity).map((use) =>
          report(use, `${use.name} touches the world: ${use.remedy}`),
        ),
      ];
    });
}

function mustBePure(path, { below, except }) {
  if (!path.startsWith(`${below}/`)) return false;
  const within = path.slice(below.length + 1);
  return !Object.keys(except).some((each) => within === each || within.startsWith(`${each}/`));
}

function isWorldly(specifier, { nodeModules }) {
  const name = specifier.replace(/^node:/, '');
  const builtin = specifier.startsWith('node:') || builtinModules.includes(name);
  return builtin && !nodeModules.includes(name);
}
