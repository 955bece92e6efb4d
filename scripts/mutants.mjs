/**
 * Proves that exploration finds classic bugs: puts each patch of
 * `test/mutants` into a copy of this tree, explores it, and expects a failure;
 * the copy without a patch has to pass the same exploration.
 *
 *   node scripts/mutants.mjs [--runs 100] [--seed 1] [name …]
 *
 * `RUNS` in the environment goes for `--runs`. With `SEED` each copy plays that
 * one run alone, as `explore` prints it. Exits with 1 if a mutant is not found
 * or not usable, or the control fails. Run it after a build.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { examineAll, headline } from './mutants/examine-all.mjs';
import { CONTROL, Laboratory, mutantNames } from './mutants/laboratory.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values, positionals } = parseArgs({
  options: { runs: { type: 'string' }, seed: { type: 'string' } },
  allowPositionals: true,
});
const runs = Number(values.runs ?? process.env.RUNS ?? 100);
const seed = Number(values.seed ?? 1);
const known = [CONTROL, ...mutantNames(root)];
const unknown = positionals.filter((name) => !known.includes(name));

if (unknown.length > 0) {
  console.error(`There is no mutant ${unknown.join(', ')}; there are ${known.join(', ')}.`);
  process.exitCode = 1;
} else {
  await examine(positionals.length > 0 ? positionals : known);
}

async function examine(names) {
  const laboratory = new Laboratory(root, { runs, seed });
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ])
    process.once(signal, () => process.exit(code));
  try {
    for (const [name, verdict] of examineAll(laboratory, names)) report(name, await verdict);
  } finally {
    laboratory.close();
  }
}

function report(name, verdict) {
  const right = name === CONTROL ? 'passed' : 'found';
  const mark = verdict.outcome === right ? '✔' : '✘';
  console.log(`${mark} ${name}: ${sentence(verdict)} (${verdict.seconds.toFixed(1)} s)`);
  if (mark === '✘') process.exitCode = 1;
  if (name === CONTROL && verdict.outcome === 'found') console.log(verdict.message);
}

function sentence(verdict) {
  switch (verdict.outcome) {
    case 'found':
      return `found in run ${verdict.run}, seed ${verdict.seed}: ${headline(verdict)}`;
    case 'passed':
      return `passes ${verdict.runs} runs`;
    default:
      return verdict.message;
  }
}
