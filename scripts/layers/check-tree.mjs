import { checkCycles } from './cycles.mjs';
import { checkDynamicImports } from './dynamic-imports.mjs';
import { checkHomes } from './homes.mjs';
import { checkNames } from './names.mjs';
import { checkPurity } from './purity.mjs';
import { checkRows } from './rows.mjs';
import { readTree } from './tree.mjs';
import { checkWorkspaces } from './workspaces.mjs';

const checks = [
  checkWorkspaces,
  checkRows,
  checkCycles,
  checkPurity,
  checkHomes,
  checkNames,
  checkDynamicImports,
];

/** All violations below `root`, in the order of files and lines. */
export async function checkTree(root, rules) {
  const tree = await readTree(root, rules);
  return [...tree.problems, ...checks.flatMap((check) => check(tree, rules))].sort((a, b) =>
    a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line,
  );
}
