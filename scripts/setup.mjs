/**
 * Makes the tree ready to run: `npm start` and `npm test` begin here.
 *
 * On a fresh machine it installs the locked dependencies and compiles every
 * project; afterwards it finds nothing to do and says nothing. `--quiet`
 * prints errors only. This file stays in a dialect that very old versions of
 * Node parse, so that they get the message below and not a SyntaxError; the
 * steps themselves are loaded afterwards.
 */
const required = [20, 19];
const version = process.versions.node.split('.').map(Number);
const tooOld = version[0] < required[0] || (version[0] === required[0] && version[1] < required[1]);

if (tooOld) {
  console.error(
    'Shoal needs Node.js ' +
      required.join('.') +
      ' or newer, and this is ' +
      process.versions.node +
      '. ' +
      'Install the current LTS release of Node.js, then run the command again.',
  );
  process.exitCode = 1;
} else {
  const quiet = process.argv.indexOf('--quiet') !== -1;
  const root = new URL('..', import.meta.url);
  import('./setup/steps.mjs')
    .then((steps) => steps.setUp(root, { quiet }))
    .then(
      (code) => (process.exitCode = code),
      (error) => {
        console.error(error);
        process.exitCode = 1;
      },
    );
}
