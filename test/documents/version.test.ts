import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { version } from '@shoal/core/internal/version';

describe('The version that a server tells', () => {
  it('is that of the package', () => {
    const file = new URL('../../../packages/core/package.json', import.meta.url);
    expect(version).to.equal((JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version);
  });
});
