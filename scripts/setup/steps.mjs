import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';
import { install, whyInstall } from './install.mjs';

/**
 * Installs and builds what is missing or out of date below `root`. Resolves
 * to the exit code: 0, or that of the step that failed.
 */
export async function setUp(root, { quiet }) {
  const directory = fileURLToPath(root);
  const say = quiet ? () => {} : (line) => console.log(line);

  const reason = whyInstall(directory);
  if (reason !== undefined) {
    say(`Installing dependencies (${reason}) …`);
    const code = install(directory, { quiet });
    if (code !== 0) return code;
  }
  return build(directory, { say });
}
