import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Children } from './children.mjs';
import { applyHunks, parsePatch } from './patch.mjs';
import { copyTree, whyNotBuilt } from './tree.mjs';

const COMPILE_DEADLINE_MS = 60_000;
const EXPLORE_DEADLINE_MS = 120_000;

/** Mutants of these parts show in a place of their own, all others in the office unless they say where. */
const PLACES = [
  ['workshop', /^packages\/core\/src\/(mesh|messaging|tasks)\//],
  ['watch', /^packages\/core\/src\/(timers\/|manager\/timer-holder)/],
  [
    'rooms',
    /^packages\/core\/src\/(directory\/|dispatch\/uid|pipe\/orders|reactor\/(groups|uids|standing|order-desk|introduction))/,
  ],
  ['pressure', /^packages\/core\/src\/(reactor\/(output|outlet|reading|file-turn)|worker\/pressure)/],
  ['datagrams', /^packages\/core\/src\/(reactor|worker|pipe)\/datagram/],
  ['streams', /^packages\/core\/src\/(worker\/(connection-stream|pin)|reactor\/pinning)/],
  ['dispatch', /^packages\/core\/src\/(dispatch\/|reactor\/worker-load)/],
];

const ALL_PLACES = ['office', ...PLACES.map(([place]) => place)];

/** The name under which the tree without any change is examined. */
export const CONTROL = 'control';

/** Names of the mutants: the patches in `test/mutants`, in alphabetical order. */
export function mutantNames(root) {
  return readdirSync(join(root, 'test/mutants'))
    .filter((file) => file.endsWith('.patch'))
    .map((file) => file.slice(0, -'.patch'.length))
    .sort();
}

/**
 * Explores copies of this repository, each with one bug, in child processes and
 * in a temporary directory that is gone after `close`, or with this process.
 */
export class Laboratory {
  #children = new Children();
  #directory = mkdtempSync(join(tmpdir(), 'shoal-mutants-'));
  #atExit = () => this.close();

  /**
   * `controlRuns`: the control may be explored less, where the tree is explored anyway.
   * `checks`: whether the types of a mutant have to hold, which takes as long as the shorter explorations.
   */
  constructor(root, { runs = 100, controlRuns = runs, checks = true, seed = 1, env = process.env } = {}) {
    this.root = root;
    this.runs = runs;
    this.controlRuns = controlRuns;
    this.checks = checks;
    this.env = { ...env, EXPLORATION: String(seed) };
    process.once('exit', this.#atExit);
    const missing = whyNotBuilt(root);
    if (missing !== undefined) {
      this.close();
      throw new Error(`${missing} is missing: build first, with npm run build`);
    }
  }

  /**
   * Examines a mutant, or the control. Resolves to
   * - `{ outcome: 'found', run, seed, message }`: the exploration failed;
   * - `{ outcome: 'passed', runs }`: it did not, which is right for the control only;
   * - `{ outcome: 'unusable', message }`: the patch does not apply, or the result does not compile or run;
   * each with the `seconds` that it took.
   */
  async examine(name) {
    const began = performance.now();
    const verdict = await this.#verdictOn(name);
    return { ...verdict, seconds: (performance.now() - began) / 1_000 };
  }

  /** Ends what runs and removes the directory. */
  close() {
    process.removeListener('exit', this.#atExit);
    this.#children.endAll();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #verdictOn(name) {
    const tree = join(this.#directory, name);
    try {
      copyTree(this.root, tree);
      if (name === CONTROL) return await this.#exploreAll(tree);
      const { place, changed } = this.#change(tree, name);
      await this.#compile(tree, changed);
      return await this.#explore(tree, place, this.runs);
    } catch (error) {
      return { outcome: 'unusable', message: error.message };
    } finally {
      rmSync(tree, { recursive: true, force: true });
    }
  }

  /** Says where the change shows, and which files it has changed. */
  #change(tree, name) {
    const { about, files } = parsePatch(
      readFileSync(join(this.root, 'test/mutants', `${name}.patch`), 'utf8'),
    );
    for (const { path, hunks } of files) {
      try {
        writeFileSync(join(tree, path), applyHunks(readFileSync(join(tree, path), 'utf8'), hunks));
      } catch (cause) {
        throw new Error(`${name}.patch does not apply to ${path}: ${cause.message}; refresh it`, { cause });
      }
    }
    const [, told] = /^Shows in: (\w+)$/m.exec(about) ?? [];
    if (told !== undefined && !ALL_PLACES.includes(told)) throw new Error(`there is no place ${told}`);
    const found = PLACES.find(([, parts]) => files.every(({ path }) => parts.test(path)));
    return { place: told ?? found?.[0] ?? 'office', changed: files.map(({ path }) => path) };
  }

  async #compile(tree, changed) {
    const compiler = join(this.root, 'node_modules/typescript/bin/tsc');
    const project = this.checks ? 'packages/core' : unchecked(tree, changed);
    const args = ['-p', project, '--preserveSymlinks'];
    const { code, out, errors } = await this.#children.run(compiler, args, {
      cwd: tree,
      deadline: COMPILE_DEADLINE_MS,
    });
    if (code !== 0) throw new Error(`it does not compile: ${(out + errors).trim()}`);
  }

  /** The control, in one place after the other. */
  async #exploreAll(tree) {
    let runs = 0;
    for (const place of ALL_PLACES) {
      const verdict = await this.#explore(tree, place, this.controlRuns);
      if (verdict.outcome !== 'passed') return verdict;
      runs += verdict.runs;
    }
    return { outcome: 'passed', runs };
  }

  async #explore(tree, place, runs) {
    const { code, late, out, errors } = await this.#children.run('test/dist/mutants/day.js', [], {
      cwd: tree,
      env: { ...this.env, RUNS: String(runs), PLACE: place },
      deadline: EXPLORE_DEADLINE_MS,
    });
    if (late) throw new Error(`the exploration did not end in ${EXPLORE_DEADLINE_MS / 1_000} s`);
    if (code !== 0) throw new Error(`the exploration broke down: ${errors.trim() || `exit code ${code}`}`);
    const { found, ...rest } = JSON.parse(out.trimEnd().split('\n').at(-1));
    return { outcome: found ? 'found' : 'passed', ...rest };
  }
}

/** A project of the changed files alone, each by itself; gives its path below the tree. */
function unchecked(tree, changed) {
  const project = 'unchecked.json';
  const core = join(tree, 'packages/core');
  const settings = {
    extends: './tsconfig.base.json',
    compilerOptions: {
      rootDir: join(core, 'src'),
      outDir: join(core, 'dist'),
      noCheck: true,
      noResolve: true,
      types: [],
      composite: false,
      declaration: false,
      declarationMap: false,
      sourceMap: false,
    },
    files: changed.map((path) => join(tree, path)),
  };
  writeFileSync(join(tree, project), JSON.stringify(settings));
  return project;
}
