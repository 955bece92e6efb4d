import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { anchors, localLinks } from './pages.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

const pages = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

describe('The pages', () => {
  for (const page of pages) {
    it(`link to what exists: ${page}`, () => {
      const text = read(page);
      const broken = localLinks(text).filter((target) => !leadsSomewhere(page, text, target));
      expect(broken).to.deep.equal([]);
    });
  }

  it('lists every decision on the page of decisions, with its title', () => {
    const list = read('docs/decisions/README.md');
    const files = readdirSync(join(root, 'docs/decisions')).filter((name) => /^\d{4}-/.test(name));
    expect(files).not.to.deep.equal([]);
    const missing = files.filter((name) => {
      const [, title = ''] = /^# (.+)$/m.exec(read(`docs/decisions/${name}`)) ?? [];
      return !list.includes(`[${title}](${name})`);
    });
    expect(missing).to.deep.equal([]);
  });

  it('tell of each decision its forces, its choice and what would change our mind', () => {
    for (const name of readdirSync(join(root, 'docs/decisions'))) {
      if (!/^\d{4}-/.test(name)) continue;
      const headings = anchors(read(`docs/decisions/${name}`));
      expect(headings, name).to.include.members(['forces', 'choice', 'what-would-change-our-mind']);
    }
  });
});

function read(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

function leadsSomewhere(page: string, text: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  if (path === '') return anchors(text).includes(anchor ?? '');
  const file = relative(root, join(root, dirname(page), path));
  if (!existsSync(join(root, file))) return false;
  return anchor === undefined || anchors(read(file)).includes(anchor);
}
