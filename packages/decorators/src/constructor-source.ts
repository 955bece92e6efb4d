/**
 * Reads the parameters of a constructor from the source of its class, for
 * messages ("parameter 2 "rooms"") and to know which have a default.
 *
 * It understands comments, strings, templates and regular expressions well
 * enough to skip them, and gives up on anything else that surprises it: nothing
 * that matters depends on a name. A parser would be exact, and a dependency.
 */
import type { Constructor } from '@shoal/core/internal/definition';

export interface SourceParameter {
  /** Undefined for a pattern such as `{ a, b }`. */
  readonly name: string | undefined;
  /** Also true of a pattern with a default inside it, `{ a = 1 }`. */
  readonly hasDefault: boolean;
  readonly isRest: boolean;
}

/** What was read before: a class keeps its source, and every process of a simulation asks for it. */
const known = new WeakMap<Constructor, readonly SourceParameter[] | undefined>();

/** The parameters of the constructor that the class itself declares; undefined when it declares none that we can see. */
export function sourceParameters(type: Constructor): readonly SourceParameter[] | undefined {
  if (!known.has(type)) known.set(type, readParameters(type));
  return known.get(type);
}

function readParameters(type: Constructor): readonly SourceParameter[] | undefined {
  const source = Function.prototype.toString.call(type);
  const open = source.startsWith('class') ? findConstructor(source) : source.indexOf('(');
  if (open === undefined || open === -1) return undefined;
  return splitParameters(source, open + 1)?.map((text) => ({
    name: /^(?:\.\.\.)?\s*([\p{ID_Start}$_][\p{ID_Continue}$]*)/u.exec(text)?.[1],
    hasDefault: text.includes('='),
    isRest: text.startsWith('...'),
  }));
}

/** Index of the parenthesis after `constructor`, which lies one brace deep. */
function findConstructor(source: string): number | undefined {
  let depth = 0;
  for (let at = 0; at < source.length; at = next(source, at)) {
    const character = source.charAt(at);
    if ('{(['.includes(character)) depth++;
    else if ('})]'.includes(character)) depth--;
    else if (depth === 1 && character === 'c' && !/[\w$#.]/.test(source.charAt(at - 1))) {
      const match = /^constructor\s*\(/.exec(source.slice(at, at + 200));
      if (match !== null) return at + match[0].length - 1;
    }
  }
  return undefined;
}

/** The texts between the commas of a parameter list that begins at `start`, without comments. */
function splitParameters(source: string, start: number): readonly string[] | undefined {
  const parameters: string[] = [];
  let text = '';
  let depth = 0;
  for (let at = start; at < source.length;) {
    const character = source.charAt(at);
    const after = next(source, at);
    if (depth === 0 && (character === ',' || character === ')')) {
      if (text.trim() !== '') parameters.push(text.trim());
      if (character === ')') return parameters;
      text = '';
    } else {
      if ('{(['.includes(character)) depth++;
      else if ('})]'.includes(character)) depth--;
      if (!isComment(source, at)) text += source.slice(at, after);
    }
    at = after;
  }
  return undefined;
}

/** Index after the character at `at`, or after the whole comment, string, template or expression that begins there. */
function next(source: string, at: number): number {
  const character = source.charAt(at);
  if (isComment(source, at)) {
    const [mark, length] = source.charAt(at + 1) === '/' ? ['\n', 1] : ['*/', 2];
    const end = source.indexOf(mark, at + 2);
    return end === -1 ? source.length : end + length;
  }
  if (character === "'" || character === '"') return afterQuoted(source, at, character);
  if (character === '`') return afterTemplate(source, at);
  if (
    character === '/' &&
    /(?:^|[(,=:[!&|?{};+\n]|return)\s*$/.test(source.slice(Math.max(0, at - 20), at))
  ) {
    return afterExpression(source, at);
  }
  return at + 1;
}

function isComment(source: string, at: number): boolean {
  return source.startsWith('//', at) || source.startsWith('/*', at);
}

function afterQuoted(source: string, at: number, quote: string): number {
  for (let end = at + 1; end < source.length; end++) {
    if (source.charAt(end) === '\\') end++;
    else if (source.charAt(end) === quote) return end + 1;
  }
  return source.length;
}

function afterTemplate(source: string, at: number): number {
  for (let end = at + 1; end < source.length; end++) {
    if (source.charAt(end) === '\\') end++;
    else if (source.charAt(end) === '`') return end + 1;
    else if (source.startsWith('${', end)) end = afterBraces(source, end + 1) - 1;
  }
  return source.length;
}

function afterBraces(source: string, at: number): number {
  let depth = 0;
  for (let end = at; end < source.length; end = next(source, end)) {
    if (source.charAt(end) === '{') depth++;
    else if (source.charAt(end) === '}' && --depth === 0) return end + 1;
  }
  return source.length;
}

function afterExpression(source: string, at: number): number {
  let inSet = false;
  for (let end = at + 1; end < source.length; end++) {
    const character = source.charAt(end);
    if (character === '\\') end++;
    else if (character === '[') inSet = true;
    else if (character === ']') inSet = false;
    else if (character === '/' && !inSet) return end + 1;
  }
  return source.length;
}
