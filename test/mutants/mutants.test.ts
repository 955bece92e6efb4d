import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { turnOfTheDay } from '../exploration/day.js';
import { loadScript, repository } from '../unit/scripts/repository.js';

type Verdict =
  | { readonly outcome: 'found'; readonly run: number; readonly seed: number; readonly message: string }
  | { readonly outcome: 'passed'; readonly runs: number }
  | { readonly outcome: 'unusable'; readonly message: string };

interface Laboratory {
  examine(name: string): Promise<Verdict>;
  close(): void;
}

const { CONTROL, Laboratory, mutantNames } = await loadScript<{
  readonly CONTROL: string;
  readonly Laboratory: new (
    root: string,
    options?: { controlRuns?: number; checks?: boolean; env?: NodeJS.ProcessEnv },
  ) => Laboratory;
  mutantNames(root: string): string[];
}>('mutants/laboratory.mjs');
const { examineAll } = await loadScript<{
  examineAll(laboratory: Laboratory, names: readonly string[]): Map<string, Promise<Verdict>>;
}>('mutants/examine-all.mjs');
const { applyHunks, parsePatch } = await loadScript<{
  parsePatch(text: string): { about: string; files: { path: string; hunks: object[] }[] };
  applyHunks(text: string, hunks: readonly object[]): string;
}>('mutants/patch.mjs');

const page = readFileSync(`${repository}/docs/testing.md`, 'utf8');
const [, shown = '', run, seed, message] =
  /^✔ ([\w-]+): found in run (\d+), seed (\d+): (.*) \([\d.]+ s\)$/m.exec(page) ?? [];

/** Enough to see that the copy runs: what the kernel promises is explored on its own. scripts/mutants.mjs does all. */
const CONTROL_RUNS = 2;

describe('Exploration', function () {
  this.timeout(300_000);
  // A sixteenth of them a day: all take as long as the other tests. scripts/mutants.mjs examines all.
  const mutants = turnOfTheDay(mutantNames(repository).filter((name) => name !== shown));
  const names = [CONTROL, shown, ...mutants];
  let laboratory: Laboratory | undefined;
  let verdicts: Map<string, Promise<Verdict>>;

  before(() => {
    // A seed that somebody replays elsewhere is not meant for these.
    const { SEED: _seed, ...env } = process.env;
    laboratory = new Laboratory(repository, { controlRuns: CONTROL_RUNS, checks: false, env });
    verdicts = examineAll(laboratory, names);
  });
  after(() => laboratory?.close());

  it('finds nothing in the kernel as it is', async () => {
    const verdict = await verdicts.get(CONTROL)!;
    expect(verdict.outcome, textOf(verdict)).to.equal('passed');
  });

  it('finds the one that docs/testing.md shows in the run and with the seed that it shows', async () => {
    const verdict = await verdicts.get(shown)!;
    expect(verdict).to.deep.include({ outcome: 'found', run: Number(run), seed: Number(seed) });
    expect(textOf(verdict)).to.include(message);
  });

  for (const name of mutants) {
    it(`finds ${name}`, async () => {
      const verdict = await verdicts.get(name)!;
      expect(verdict.outcome, textOf(verdict)).to.equal('found');
    });
  }
});

describe('A patch of a mutant', () => {
  it('fits the kernel as it is', () => {
    const misfits = mutantNames(repository).filter((name) => {
      const { files } = parsePatch(readFileSync(`${repository}/test/mutants/${name}.patch`, 'utf8'));
      return !files.every(({ path, hunks }) => fits(path, hunks));
    });
    expect(misfits).to.deep.equal([]);
  });

  const patch = parsePatch(
    'Says why.\n\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n',
  );
  const [file] = patch.files;

  it('says what it is before the first file', () => {
    expect([patch.about, file!.path]).to.deep.equal(['Says why.', 'x']);
  });

  it('applies where its lines are, wherever that is', () => {
    expect(applyHunks('zero\n\none\ntwo\nthree\n', file!.hunks)).to.equal('zero\n\none\n2\nthree\n');
  });

  it('is refused when its lines have changed, and when they are there twice', () => {
    const twice = 'one\ntwo\nthree\none\ntwo\nthree\n';
    expect(() => applyHunks('one\nother\nthree\n', file!.hunks)).to.throw('is not there');
    expect(() => applyHunks(twice, file!.hunks)).to.throw('is there 2 times');
  });
});

function fits(path: string, hunks: readonly object[]): boolean {
  try {
    applyHunks(readFileSync(`${repository}/${path}`, 'utf8'), hunks);
    return true;
  } catch {
    return false;
  }
}

function textOf(verdict: Verdict): string {
  return verdict.outcome === 'passed' ? `passes ${verdict.runs} runs` : verdict.message;
}
