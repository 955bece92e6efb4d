import { parsers } from 'prettier/plugins/babel';

/**
 * The syntax tree of a TypeScript source. The parser is the one that the
 * formatter brings: TypeScript 7 has no stable one, and a tree tells a global
 * from a property of the same name where a search in the text cannot.
 */
export async function parseSource(text, path) {
  const file = await parsers['babel-ts'].parse(text, { filepath: path });
  return file.program;
}

/** The nodes directly inside this one, with the name of the field that holds each. */
export function* childrenOf(node) {
  for (const [field, value] of Object.entries(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === 'string' && child.loc !== undefined) yield [field, child];
    }
  }
}

/** Every node of the tree, parents first. */
export function* nodesOf(node) {
  yield node;
  for (const [, child] of childrenOf(node)) yield* nodesOf(child);
}

export function lineOf(node) {
  return node.loc.start.line;
}
