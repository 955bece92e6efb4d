import { appendFileSync, readFileSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { RollupFile } from '@shoal/demo/rollup-file';
import type { Rollup } from '@shoal/demo/rollup';
import { totalsOf } from './counting.js';
import { freshData, removeData } from './data.js';

function rollup(keeper: number, number: number): Rollup {
  const totals = totalsOf(`hits:${keeper * 100 + number}|c`).snapshot();
  return { keeper, number, time: '2000-01-01T00:00:00.000Z', totals };
}

describe('A file of rollups', () => {
  let directory: string;
  let path: string;
  beforeEach(() => {
    directory = freshData();
    path = join(directory, 'rollups.ndjson');
  });

  after(removeData);

  const written = (): readonly string[] =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Rollup)
      .map(({ keeper, number }) => `${keeper}.${number}`);

  it('has no last one before the first, in a directory that it makes', () => {
    expect(new RollupFile(join(directory, 'a', 'b')).last()).to.equal(undefined);
    expect(readdirSync(directory)).to.deep.equal(['a']);
  });

  it('gives the last whole line to whoever opens it', () => {
    const file = new RollupFile(directory);
    for (const number of [1, 2, 3]) file.append(rollup(1, number));
    expect(new RollupFile(directory).last()).to.deep.equal(rollup(1, 3));
    expect(written()).to.deep.equal(['1.1', '1.2', '1.3']);
  });

  it('has a rollup once that is done twice, and none of a keeper after one of a later keeper', () => {
    const file = new RollupFile(directory);
    for (const number of [1, 2, 2, 1]) file.append(rollup(1, number));
    file.append(rollup(2, 1));
    file.append(rollup(1, 3));
    expect(written()).to.deep.equal(['1.1', '1.2', '2.1']);
  });

  it('cuts a last line at every byte at which a death may have left it, and goes on behind the one before', () => {
    new RollupFile(directory).append(rollup(1, 1));
    const whole = readFileSync(path);
    const next = Buffer.from(`${JSON.stringify(rollup(1, 2))}\n`);
    for (let bytes = 0; bytes < next.length; bytes++) {
      truncateSync(path, whole.length);
      appendFileSync(path, next.subarray(0, bytes));
      expect(new RollupFile(directory).last()).to.deep.equal(rollup(1, 1));
      expect(readFileSync(path)).to.deep.equal(whole);
    }
    new RollupFile(directory).append(rollup(1, 2));
    expect(written()).to.deep.equal(['1.1', '1.2']);
  });

  it('sees what another process has written meanwhile', () => {
    const [one, other] = [new RollupFile(directory), new RollupFile(directory)];
    one.append(rollup(1, 1));
    other.append(rollup(1, 2));
    one.append(rollup(1, 2));
    expect(written()).to.deep.equal(['1.1', '1.2']);
  });

  it('begins another file when it is large, keeps one, and still has its last line in between', () => {
    const bytes = JSON.stringify(rollup(1, 1)).length + 1;
    const file = new RollupFile(directory, 2 * bytes);
    for (const number of [1, 2]) file.append(rollup(1, number));
    expect(readdirSync(directory)).to.deep.equal(['rollups.ndjson']);
    file.append(rollup(1, 3));
    expect(readdirSync(directory)).to.deep.equal(['rollups.1.ndjson', 'rollups.ndjson']);
    expect(written()).to.deep.equal(['1.3']);
    rmSync(path);
    const next = new RollupFile(directory, 2 * bytes);
    expect(next.last()).to.deep.equal(rollup(1, 2));
    for (const number of [2, 3, 4, 5]) next.append(rollup(1, number));
    expect(written()).to.deep.equal(['1.5']);
  });
});
