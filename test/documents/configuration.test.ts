import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { describeConfiguration } from '@shoal/core/internal/config/describe';
import { framings } from '@shoal/core/internal/config/framing-options';
import { listeners } from '@shoal/core/internal/config/listener-options';
import { serverSchema } from '@shoal/core/internal/config/schema';

const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');

describe('docs/configuration.md', () => {
  it('says what the schema says (`npm run docs` writes it)', () => {
    expect(page).to.equal(describeConfiguration());
  });

  it('has a row for every option', () => {
    const shapes = [
      serverSchema.shape,
      ...Object.values(listeners).map(({ shape }) => shape),
      ...Object.values(framings).map(({ shape }) => shape),
    ];
    const options = new Set(shapes.flatMap((shape) => Object.keys(shape)));
    options.delete('kind');
    expect([...options].filter((name) => !page.includes(`| \`${name}\` |`))).to.deep.equal([]);
  });

  it('has rows of five cells only', () => {
    const options = page.split('\n').filter((line) => line.startsWith('| `') && line.split(' | ').length > 3);
    const cells = options.map((line) => line.replaceAll('\\|', '').split(' | ').length);
    expect(options).not.to.deep.equal([]);
    expect(cells.filter((count) => count !== 5)).to.deep.equal([]);
  });

  it('names the exit code of a configuration that does not hold', () => {
    expect(page).to.include('exit code 78');
  });
});
