import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { commandNames } from '@shoal/cli/internal/command-line';
import { helpText } from '@shoal/cli/internal/help';
import { CommandExit } from '@shoal/cli/internal/usage-error';

const page = readFileSync(new URL('../../../docs/command-line.md', import.meta.url), 'utf8');
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((text) => [text.slice(0, text.indexOf('\n')), text]),
);

describe('docs/command-line.md', () => {
  it('has a section for each command, and for no other', () => {
    const titles = [...sections.keys()].filter((title) => title.startsWith('shoal '));
    expect(titles).to.deep.equal(commandNames.map((name) => `shoal ${name}`));
  });

  it('shows the help of the command itself', () => {
    expect(page.slice(0, page.indexOf('\n## '))).to.include(`\`\`\`text\n${helpText(undefined)}\`\`\`\n`);
  });

  for (const name of commandNames) {
    it(`shows the help of ${name}, and an example`, () => {
      const section = sections.get(`shoal ${name}`) ?? '';
      expect(section).to.include(`\`\`\`text\n${helpText(name)}\`\`\`\n`);
      expect(section).to.match(new RegExp(`^\`\`\`sh\\n(.*\\n)*.*shoal ${name}`, 'm'));
    });

    it(`has help of ${name} that fits a terminal and is named in the general help`, () => {
      for (const line of helpText(name).split('\n')) expect(line.length, line).to.be.at.most(82);
      expect(helpText(undefined)).to.match(new RegExp(`^  ${name} `, 'm'));
    });
  }

  it('lists every exit code by its name', () => {
    const rows = [...page.matchAll(/^\| (\d+) +\| `(\w+)`/gm)].map(([, code, name]) => [name, Number(code)]);
    expect(Object.fromEntries(rows)).to.deep.equal(CommandExit);
  });
});
