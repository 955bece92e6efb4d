import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { Late } from '@shoal/core/internal/kernel/late';

const moduleOf = (name: string): string => fileURLToPath(import.meta.resolve(name));
const kernel = '@shoal/core/internal/kernel';
/** What every process of a decorated application loads, up to the point at which it knows its role. */
const program = [moduleOf('@shoal/decorators'), moduleOf(`${kernel}/real-world`)];

describe('What a process loads', () => {
  for (const [process, modules] of [
    ['any process before it knows its role', []],
    ['a worker', [moduleOf(`${kernel}/worker-role`)]],
    [
      'a worker that owns its sockets',
      [moduleOf(`${kernel}/worker-role`), moduleOf(`${kernel}/base-sockets`)],
    ],
    ['the manager', [moduleOf(`${kernel}/manager-role`)]],
    ['a reactor thread', [moduleOf(`${kernel}/reactor-thread`)]],
  ] as const)
    it(`imports no package in ${process}: neither zod, nor CommonJS, which is required instead`, () => {
      const packages = loadedBy(...program, ...modules).filter((path) => !path.startsWith('/'));
      expect(packages).to.deep.equal([]);
    });

  it('imports zod in the process that reads the settings first', () => {
    expect(loadedBy(...program, moduleOf(`${kernel}/first-role`))).to.include('zod');
  });

  it('does not include the roles of others', () => {
    const worker = loadedBy(...program, moduleOf(`${kernel}/worker-role`));
    expect(
      worker.filter((path) => /\/core\/dist\/(master|manager|control|reactor)\//.test(path)),
    ).to.deep.equal([]);
    const manager = loadedBy(...program, moduleOf(`${kernel}/manager-role`));
    expect(manager.filter((path) => /\/core\/dist\/(master|control|reactor)\//.test(path))).to.deep.equal([]);
  });

  it('is loaded once, however often it is asked for', async () => {
    let loads = 0;
    const late = new Late(async () => ++loads);
    expect([await late.get(), await late.get()]).to.deep.equal([1, 1]);
  });
});

/** No bracket follows at once, as after that of a dynamic import. */
const importing = /^(?:import\b[^;'"(=]*|export (?:\*[^;'"]*|\{[^}]*\}) from )['"]([^'"]+)['"]/gm;

/** Compiled modules by their path, and packages by their name, that are loaded together with `entries`. */
function loadedBy(...entries: readonly string[]): readonly string[] {
  const found = new Set<string>();
  const visit = (path: string): void => {
    if (found.has(path)) return;
    found.add(path);
    if (!path.startsWith('/')) return;
    const source = readFileSync(path, 'utf8');
    for (const [, specifier = ''] of source.matchAll(importing)) {
      if (specifier.startsWith('node:')) continue;
      if (specifier.startsWith('.')) visit(fileURLToPath(new URL(specifier, `file://${path}`)));
      else if (specifier.startsWith('@shoal/')) visit(moduleOf(specifier));
      else visit(specifier);
    }
  };
  entries.forEach(visit);
  return [...found];
}
