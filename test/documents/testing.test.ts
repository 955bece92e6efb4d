import { expect } from 'chai';
import { SHOWN_OUTPUT, TestingPage } from './testing-page.js';

const REMEDY = 'npm run golden writes it anew';

describe('docs/testing.md', function () {
  this.timeout(60_000);

  let page: TestingPage;

  before(async () => {
    page = new TestingPage();
    await page.compile();
  });

  after(() => page.remove());

  function shownOutput(): string {
    return page.blocks.find(({ title }) => title === SHOWN_OUTPUT)!.text.trimEnd();
  }

  it('has tests that pass', async () => {
    const files = page.blocks.filter(({ title }) => title.endsWith('.test.ts')).length;
    const { code, output } = await page.runTests('dist/*.test.js');
    expect(code, output).to.equal(0);
    expect(Number(/(\d+) passing/.exec(output)?.[1])).to.be.at.least(files);
  });

  it('shows what the failing exploration really prints', async () => {
    expect(await page.explored(), REMEDY).to.equal(shownOutput());
  });
});
