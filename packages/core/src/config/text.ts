import { Refusal, type Reader } from './reader.js';

/** A line of text of 1 to `longest` characters. */
export function text(longest: number): Reader<string, string> {
  const takes = `a string of 1 to ${longest} characters`;
  return {
    type: 'string',
    range: `1 to ${longest} characters, none of them a control character`,
    takes,
    read(value) {
      if (typeof value !== 'string') return new Refusal('is not a string', `write ${takes}`);
      if (value === '') return new Refusal('is empty', `write ${takes}`);
      if (value.length > longest) return new Refusal('is too long', `write ${takes}`);
      if (/\p{Cc}/u.test(value)) return new Refusal('has control characters', `write ${takes} without them`);
      return value;
    },
  };
}

/** An address to bind, or a name that resolves to one. */
export function host(): Reader<string, string> {
  const takes = "an address such as '127.0.0.1', '0.0.0.0' (all of IPv4) or '::' (all addresses)";
  return {
    type: 'string',
    range: 'an IPv4 or IPv6 address, or a host name',
    takes,
    read(value) {
      if (typeof value !== 'string') return new Refusal('is not a string', `write ${takes}`);
      if (isIPv4(value) || isIPv6Like(value) || isHostName(value)) return value;
      return new Refusal('is not an address', `write ${takes}`);
    },
  };
}

function isIPv4(value: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(value) && value.split('.').every((part) => Number(part) <= 255);
}

/** Two colons tell it from `host:port`; the rest the system will judge when it binds. */
function isIPv6Like(value: string): boolean {
  return /^[\da-f:.]*:[\da-f:.]*:[\da-f:.]*(%[\w.-]+)?$/i.test(value) && value.length <= 64;
}

function isHostName(value: string): boolean {
  const labels = value.split('.');
  return (
    value.length <= 253 &&
    labels.every((label) => /^[a-z\d_]([a-z\d_-]{0,61}[a-z\d_])?$/i.test(label)) &&
    !/^\d+$/.test(labels.at(-1) ?? '')
  );
}

/** Node cuts longer socket paths silently, so they are refused. */
export const longestPath = 100;

/** An absolute path below which unix sockets fit. */
export function directory(): Reader<string, string> {
  const takes = `an absolute path of at most ${longestPath} bytes`;
  return {
    type: 'string',
    range: takes,
    takes,
    read(value) {
      if (typeof value !== 'string') return new Refusal('is not a string', `write ${takes}`);
      if (!value.startsWith('/')) return new Refusal('is not an absolute path', `write ${takes}`);
      if (value.includes('\0')) return new Refusal('has a zero byte', `write ${takes}`);
      if (new TextEncoder().encode(value).length > longestPath) {
        return new Refusal('is too long for the sockets below it', `write ${takes}`);
      }
      return value;
    },
  };
}

/** Linux takes no longer one. */
const longestFilePath = 4_095;

/** A file, by an absolute path or one that is relative to the working directory. */
export function file(): Reader<string, string> {
  return pathOf('file');
}

/** A directory in which only files are made, so that its length does not matter to sockets. */
export function folder(): Reader<string, string> {
  return pathOf('directory');
}

function pathOf(what: 'file' | 'directory'): Reader<string, string> {
  const takes = `the path of a ${what}, of at most ${longestFilePath} bytes`;
  return {
    type: 'string',
    range: `an absolute path, or one relative to the working directory; at most ${longestFilePath} bytes`,
    takes,
    read(value) {
      if (typeof value !== 'string') return new Refusal('is not a string', `write ${takes}`);
      if (value === '') return new Refusal('is empty', `write ${takes}`);
      if (what === 'file' && value.endsWith('/')) return new Refusal('is a directory', `write ${takes}`);
      if (value.includes('\0')) return new Refusal('has a zero byte', `write ${takes}`);
      if (new TextEncoder().encode(value).length > longestFilePath) {
        return new Refusal('is too long', `write ${takes}`);
      }
      return value;
    },
  };
}

/** Characters of a file's name: Linux takes 255 bytes. */
const longestFileName = 200;

/** The name of a file, the same on every system, and of nothing else. */
export function fileName(): Reader<string, string> {
  const takes = `a name of 1 to ${longestFileName} letters, digits, dots, underscores and hyphens`;
  return {
    type: 'string',
    range: `1 to ${longestFileName} of \`A-Z a-z 0-9 . _ -\`, not beginning with a dot`,
    takes,
    read(value) {
      if (typeof value !== 'string') return new Refusal('is not a string', `write ${takes}`);
      if (value === '') return new Refusal('is empty', `write ${takes}`);
      if (value.length > longestFileName) return new Refusal('is too long', `write ${takes}`);
      if (value.startsWith('.')) return new Refusal('begins with a dot', `write ${takes}`);
      if (!/^[\w.-]+$/.test(value)) return new Refusal('is not the name of a file', `write ${takes}`);
      return value;
    },
  };
}

/** What is written, as such a name: other characters become hyphens. */
export function asFileName(value: string): string {
  return value
    .replace(/[^\w.-]/g, '-')
    .replace(/^\./, '-')
    .slice(0, longestFileName);
}

/** The URL of a module that every process of the server can load; `example` is how such a module may be called. */
export function moduleUrl(example: string): Reader<string | URL, string> {
  const takes = `a file: URL such as new URL('${example}', import.meta.url)`;
  return {
    type: 'string',
    range: 'a `file:` or `data:` URL',
    takes,
    read(given) {
      const value = given instanceof URL ? given.href : given;
      if (typeof value !== 'string') return new Refusal('is not a URL', `write ${takes}`);
      const url = URL.canParse(value) ? new URL(value) : undefined;
      if (url === undefined) return new Refusal('is not a URL', `write ${takes}`);
      if (url.protocol === 'file:' || url.protocol === 'data:') return url.href;
      return new Refusal(`has the scheme ${url.protocol}, which cannot be loaded`, `write ${takes}`);
    },
  };
}
