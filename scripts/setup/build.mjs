import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { missingOutput, readProjects, staleOutput } from './projects.mjs';
import { removeFiles } from './remove-files.mjs';

/**
 * Compiles what has changed and returns the exit code of the compiler.
 *
 * `tsc -b` never removes the output of a deleted source, so a deleted test
 * would keep running: we remove such files. Nor does it notice output that is
 * gone while its record of the last build remains: we remove the record, and
 * it builds that project again.
 */
export function build(root, { say }) {
  const projects = readProjects(root);
  for (const project of projects) {
    const stale = staleOutput(project);
    removeFiles(stale, project.outDir);
    if (stale.length > 0) say(`Removed ${stale.length} stale files from ${project.path}.`);
  }
  forgetLostOutput(projects);
  const code = compile(root);
  if (code !== 0) return code;
  // A source that was away during a failed build is in the old record and not on disk.
  return forgetLostOutput(projects) ? compile(root) : 0;
}

/** Says whether a project must be built again. */
function forgetLostOutput(projects) {
  let forgotten = false;
  for (const project of projects) {
    if (missingOutput(project).length === 0) continue;
    for (const record of project.buildRecords) rmSync(record, { force: true });
    forgotten = true;
  }
  return forgotten;
}

function compile(root) {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const result = spawnSync(process.execPath, [compiler, '-b'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (result.error !== undefined) {
    console.error(`The compiler could not be started: ${result.error.message}`);
    return 1;
  }
  return result.status ?? 1;
}
