import { pathToFileURL } from 'node:url';

/** Packages whose helpers stand between a decorator and the class that it decorates. */
const helpers = /[\\/]node_modules[\\/](?:tslib|reflect-metadata)[\\/]/;

/**
 * The URL of the module that called `decorator`, seen from inside it; undefined
 * when the stack does not say (code from `eval`).
 *
 * Call sites are read rather than a stack's text, because with source maps on
 * the text names the TypeScript file, which cannot be imported.
 */
export function callingModule(decorator: (...args: never[]) => unknown): string | undefined {
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = 20;
    Error.prepareStackTrace = (_, sites) => sites;
    const holder: { stack?: NodeJS.CallSite[] } = {};
    Error.captureStackTrace(holder, decorator);
    const files = (holder.stack ?? []).map((site) => site.getFileName());
    const file = files.find(
      (name) => typeof name === 'string' && !name.startsWith('node:') && !helpers.test(name),
    );
    return file === undefined || file === null ? undefined : toUrl(file);
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** ES modules are known by their URL, CommonJS modules by their path. */
function toUrl(file: string): string {
  return /^[a-z][a-z0-9+.-]+:/i.test(file) ? file : pathToFileURL(file).href;
}
