import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/**
 * The TypeScript projects of the workspace, as the root tsconfig lists them,
 * and what their compiler output must consist of. Every project states its
 * `rootDir` and `outDir` itself.
 */
export function readProjects(root) {
  const { references } = readJson(join(root, 'tsconfig.json'));
  return references.map(({ path }) => {
    const directory = join(root, path);
    const { compilerOptions, exclude = [] } = readJson(join(directory, 'tsconfig.json'));
    const { rootDir, outDir } = compilerOptions;
    return {
      path,
      rootDir: resolve(directory, rootDir),
      outDir: resolve(directory, outDir),
      // Paths only: a project that excludes by pattern would be built again each time.
      excluded: [outDir, ...exclude].map((path) => resolve(directory, path)),
      // The compiler puts it beside the tsconfig, seen from rootDir and moved to outDir.
      buildRecords: [
        join(
          resolve(directory, outDir),
          relative(resolve(directory, rootDir), directory),
          'tsconfig.tsbuildinfo',
        ),
      ],
    };
  });
}

/** Files in outDir that the compiler wrote for sources that no longer exist. */
export function staleOutput(project) {
  const expected = new Set(expectedOutput(project));
  return filesBelow(project.outDir).filter((file) => isCompilerOutput(file) && !expected.has(file));
}

/** Files that the sources must have in outDir and have not. */
export function missingOutput(project) {
  return expectedOutput(project).filter((file) => !existsSync(file));
}

const endings = { '.ts': '.js', '.tsx': '.js', '.mts': '.mjs', '.cts': '.cjs' };

function expectedOutput({ rootDir, outDir, excluded }) {
  return filesBelow(rootDir, excluded)
    .filter((file) => /\.[cm]?tsx?$/.test(file) && !/\.d\.[cm]?ts$/.test(file))
    .flatMap((file) => {
      const [ending] = /\.[cm]?tsx?$/.exec(file);
      const base = join(outDir, relative(rootDir, file).slice(0, -ending.length));
      const script = endings[ending];
      const declaration = `.d${script.replace('js', 'ts')}`;
      return [script, `${script}.map`, declaration, `${declaration}.map`].map((end) => base + end);
    });
}

function isCompilerOutput(file) {
  return /\.([cm]?js|d\.[cm]?ts)(\.map)?$/.test(file);
}

function filesBelow(directory, excluded = []) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (excluded.includes(path) || entry.name === 'node_modules') return [];
    return entry.isDirectory() ? filesBelow(path, excluded) : [path];
  });
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new Error(`${relative(process.cwd(), file) || dirname(file)} is not readable JSON`, { cause });
  }
}
