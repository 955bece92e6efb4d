import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/**
 * Says why the dependencies must be installed, or undefined when they need not
 * be.
 *
 * npm writes `node_modules/.package-lock.json` as the last act of a complete
 * install, so its absence means an interrupted one. Its entries are compared
 * with the lock file rather than its date, because a checkout dates files as
 * it likes. Nothing here touches the network.
 */
export function whyInstall(root) {
  const locked = readPackages(join(root, 'package-lock.json'));
  if (locked === undefined) return 'package-lock.json cannot be read';
  if (!existsSync(join(root, 'node_modules'))) return 'node_modules is missing';
  const installed = readPackages(join(root, 'node_modules', '.package-lock.json'));
  if (installed === undefined) return 'the last install did not finish';

  for (const [path, wanted] of Object.entries(locked)) {
    const found = installed[path];
    if (path === '') continue;
    if (found === undefined) {
      if (wanted.optional || wanted.devOptional || wanted.peer) continue; // Made for another platform, or not asked for.
      return `${path} is missing`;
    }
    if (
      found.version !== wanted.version ||
      found.integrity !== wanted.integrity ||
      found.link !== wanted.link
    ) {
      return `${path} is not the locked version`;
    }
    if (!found.optional && !existsSync(join(root, path, 'package.json'))) return `${path} is missing`;
  }
  for (const [path, found] of Object.entries(installed)) {
    if (!(path in locked) && !found.optional) return `${path} is no longer locked`;
  }
  return undefined;
}

/**
 * Installs the locked versions and returns the exit code of npm. No dependency
 * needs its install script (the one that has one is optional and compiles C++),
 * and none gets to run code here.
 */
export function install(root, { quiet }) {
  const [command, ...prefix] = npmCommand();
  const action = isComplete(readPackages(join(root, 'package-lock.json')) ?? {})
    ? ['ci']
    : ['install', '--no-save'];
  const options = [...action, '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund'];
  if (quiet) options.push('--loglevel=error');
  const result = spawnSync(command, [...prefix, ...options], {
    cwd: root,
    stdio: ['ignore', quiet ? 'pipe' : 'inherit', 'inherit'],
    shell: command.endsWith('.cmd'),
  });
  if (result.error !== undefined) {
    console.error(
      `npm could not be started: ${result.error.message}. Install npm, then run the command again.`,
    );
    return 1;
  }
  if (result.status !== 0) {
    if (quiet) process.stderr.write(result.stdout);
    console.error('Installing the dependencies failed: npm says why above.');
    return result.status ?? 1;
  }
  return 0;
}

/**
 * Says whether the lock has an entry for each optional dependency, as `npm ci`
 * insists. A lock that was written beside a registry without the binaries of
 * every platform has gaps; `npm install` takes the locked versions as well, and
 * leaves the gaps alone.
 */
export function isComplete(locked) {
  return Object.entries(locked).every(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).every(
      (name) => `node_modules/${name}` in locked || `${path}/node_modules/${name}` in locked,
    ),
  );
}

/** The npm that runs this script, if one does, else the one on the path. */
function npmCommand() {
  const running = process.env.npm_execpath;
  if (running !== undefined && basename(running) === 'npm-cli.js') return [process.execPath, running];
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm'];
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}
