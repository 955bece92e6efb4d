import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { traceHashes } from './golden-traces.js';

const REMEDY =
  'when a change of the kernel is meant to change traces, run npm run golden and commit test/golden/hashes.json';

describe('Golden traces', () => {
  it('are the same on every machine and Node line: 3 applications, 20 seeds each', async () => {
    const file = new URL('../../golden/hashes.json', import.meta.url);
    const committed = JSON.parse(await readFile(file, 'utf8')) as object;
    expect(await traceHashes(), REMEDY).to.deep.equal(committed);
  });

  it('are the same a second time in one process, and differ from seed to seed', async () => {
    const first = await traceHashes();
    expect(await traceHashes()).to.deep.equal(first);
    expect(new Set(Object.values(first)).size).to.equal(Object.keys(first).length);
  });
});
