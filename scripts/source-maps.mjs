/**
 * Loaded by mocha before the tests: stacks name the lines of the sources.
 *
 * `--enable-source-maps` would do the same, but servers that tests launch take
 * over the options of their process, and reading maps is a fifth of what it
 * costs them to boot.
 */
process.setSourceMapsEnabled(true);
