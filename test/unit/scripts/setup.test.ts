import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadScript, repository, TemporaryTree } from './repository.js';

interface Project {
  readonly path: string;
  readonly outDir: string;
  readonly buildRecords: readonly string[];
}

const { whyInstall, isComplete } = await loadScript<{
  whyInstall(root: string): string | undefined;
  isComplete(locked: object): boolean;
}>('setup/install.mjs');
const { readProjects, staleOutput, missingOutput } = await loadScript<{
  readProjects(root: string): Project[];
  staleOutput(project: Project): string[];
  missingOutput(project: Project): string[];
}>('setup/projects.mjs');
const { removeFiles } = await loadScript<{ removeFiles(files: readonly string[], top: string): void }>(
  'setup/remove-files.mjs',
);

describe('setup', () => {
  let tree: TemporaryTree;
  beforeEach(() => (tree = new TemporaryTree()));
  afterEach(() => tree.remove());

  describe('whyInstall', () => {
    const chai = { version: '6.0.0', integrity: 'sha512-a' };
    const binary = { version: '1.0.0', integrity: 'sha512-b', optional: true };
    const lock = (packages: object) => JSON.stringify({ packages });

    /** An installed tree, in which the two lock files say what is given. */
    function installed(locked: object, found: object = locked): string | undefined {
      tree.write({
        'package-lock.json': lock({ '': { name: 'root' }, ...locked }),
        'node_modules/.package-lock.json': lock(found),
        'node_modules/chai/package.json': '{}',
      });
      return whyInstall(tree.root);
    }

    it('finds nothing to do when the installed packages are the locked ones', () => {
      expect(installed({ 'node_modules/chai': chai })).to.equal(undefined);
    });

    it('ignores the dates of the files', () => {
      installed({ 'node_modules/chai': chai });
      tree.write({ 'package-lock.json': lock({ '': {}, 'node_modules/chai': chai }) });
      expect(whyInstall(tree.root)).to.equal(undefined);
    });

    it('finds nothing to do when a binary for another platform is absent', () => {
      expect(
        installed(
          { 'node_modules/chai': chai, 'node_modules/binary': binary },
          { 'node_modules/chai': chai },
        ),
      ).to.equal(undefined);
    });

    it('finds nothing to do when a binary is installed that the lock could not name', () => {
      expect(
        installed(
          { 'node_modules/chai': chai },
          { 'node_modules/chai': chai, 'node_modules/binary': binary },
        ),
      ).to.equal(undefined);
    });

    it('installs when node_modules is missing', () => {
      tree.write({ 'package-lock.json': lock({}) });
      expect(whyInstall(tree.root)).to.equal('node_modules is missing');
    });

    it('installs when the last install did not finish', () => {
      tree.write({ 'package-lock.json': lock({}), 'node_modules/chai/package.json': '{}' });
      expect(whyInstall(tree.root)).to.equal('the last install did not finish');
    });

    it('installs when a locked package is not installed', () => {
      expect(installed({ 'node_modules/chai': chai }, {})).to.equal('node_modules/chai is missing');
    });

    it('installs when the files of a package are gone', () => {
      installed({ 'node_modules/chai': chai });
      removeFiles([tree.path('node_modules/chai/package.json')], tree.path('node_modules'));
      expect(whyInstall(tree.root)).to.equal('node_modules/chai is missing');
    });

    it('installs when another version is locked', () => {
      const reason = installed(
        { 'node_modules/chai': chai },
        { 'node_modules/chai': { ...chai, version: '5.0.0' } },
      );
      expect(reason).to.equal('node_modules/chai is not the locked version');
    });

    it('installs when the locked content differs', () => {
      const reason = installed(
        { 'node_modules/chai': chai },
        { 'node_modules/chai': { ...chai, integrity: 'sha512-c' } },
      );
      expect(reason).to.equal('node_modules/chai is not the locked version');
    });

    it('installs when a package is no longer locked', () => {
      expect(installed({}, { 'node_modules/chai': chai })).to.equal('node_modules/chai is no longer locked');
    });
  });

  describe('isComplete', () => {
    const parent = { optionalDependencies: { binary: '1.0.0' } };

    it('accepts a lock in which each optional dependency has an entry, at the top or beside its parent', () => {
      expect(isComplete({ 'node_modules/parent': parent, 'node_modules/binary': {} })).to.equal(true);
      expect(
        isComplete({ 'node_modules/parent': parent, 'node_modules/parent/node_modules/binary': {} }),
      ).to.equal(true);
    });

    it('refuses a lock with a gap', () => {
      expect(isComplete({ 'node_modules/parent': parent })).to.equal(false);
    });
  });

  describe('projects', () => {
    const built = {
      'tsconfig.json': '{ "references": [{ "path": "packages/core" }, { "path": "test" }] }',
      'packages/core/tsconfig.json': '{ "compilerOptions": { "rootDir": "src", "outDir": "dist" } }',
      'packages/core/src/pipe/pipe.ts': '',
      ...output('packages/core/dist/pipe/pipe'),
      'test/tsconfig.json':
        '{ "compilerOptions": { "rootDir": ".", "outDir": "dist" }, "exclude": ["dist", "broken"] }',
      'test/unit/pipe.test.ts': '',
      'test/broken/not-compiled.ts': '',
      ...output('test/dist/unit/pipe.test'),
    };

    function output(base: string): Record<string, string> {
      return Object.fromEntries(['.js', '.js.map', '.d.ts', '.d.ts.map'].map((end) => [base + end, '']));
    }

    const all = (question: (project: Project) => string[]) => readProjects(tree.root).flatMap(question);

    it('finds neither stale nor missing output in a tree that is built', () => {
      tree.write(built);
      expect([all(staleOutput), all(missingOutput)]).to.deep.equal([[], []]);
    });

    it('finds everything that a deleted source has left, in every project', () => {
      tree.write({ ...built, ...output('test/dist/unit/gone.test'), ...output('packages/core/dist/gone') });
      const expected = [
        ...Object.keys(output('packages/core/dist/gone')),
        ...Object.keys(output('test/dist/unit/gone.test')),
      ];
      expect(all(staleOutput)).to.have.members(expected.map((path) => tree.path(path)));
    });

    it('leaves files that the compiler does not write', () => {
      tree.write({ ...built, 'test/dist/tsconfig.tsbuildinfo': '', 'test/dist/data.json': '' });
      expect(all(staleOutput)).to.deep.equal([]);
    });

    it('finds each missing file of a source', () => {
      tree.write({ ...built, 'packages/core/src/new.ts': '' });
      const expected = Object.keys(output('packages/core/dist/new')).map((path) => tree.path(path));
      expect(all(missingOutput)).to.deep.equal(expected);
    });

    it('removes files and the folders that they leave empty, and keeps the others', () => {
      tree.write({ 'dist/a/b/gone.js': '', 'dist/a/kept.js': '' });
      removeFiles([tree.path('dist/a/b/gone.js')], tree.path('dist'));
      expect([tree.has('dist/a/b'), tree.has('dist/a/kept.js')]).to.deep.equal([false, true]);
    });

    it('knows where the compiler keeps its record of each project of this repository', () => {
      for (const { path, outDir, buildRecords } of readProjects(repository)) {
        expect(existsSync(outDir), `${path} is built`).to.equal(true);
        expect(
          buildRecords.some((record) => existsSync(record)),
          `${path} has a build record`,
        ).to.equal(true);
      }
    });
  });

  describe('as a command', () => {
    const script = join(repository, 'scripts', 'setup.mjs');

    it('refuses an older Node.js with the version that is needed', () => {
      const pretend =
        "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.18.3' } });";
      const source = `${pretend} await import(${JSON.stringify(script)});`;
      const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
        encoding: 'utf8',
      });
      expect(status).to.equal(1);
      expect(stderr).to.match(/^Shoal needs Node\.js 20\.19 or newer, and this is 20\.18\.3\. Install /);
    });

    it('names the same version as the package', () => {
      const { engines } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
        engines: { node: string };
      };
      expect(engines.node).to.equal('>=20.19');
    });
  });
});
