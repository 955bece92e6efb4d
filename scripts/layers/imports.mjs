import { lineOf, nodesOf } from './syntax.mjs';

/**
 * Every way in which a source names another module: import and export
 * declarations, `import('…')` as a value and as a type, and `import x =
 * require('…')`. The specifier of a dynamic import that is computed is empty.
 */
export function readImports(syntax) {
  const imports = [];
  for (const node of nodesOf(syntax)) {
    const source = sourceOf(node);
    if (source === undefined) continue;
    imports.push({
      specifier: source.type === 'StringLiteral' ? source.value : '',
      line: lineOf(node),
      dynamic: isDynamicImport(node),
    });
  }
  return imports;
}

function sourceOf(node) {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
      return node.source;
    case 'ExportNamedDeclaration':
      return node.source ?? undefined;
    case 'TSImportType':
      return node.source ?? node.argument;
    case 'TSExternalModuleReference':
      return node.expression;
    default:
      return isDynamicImport(node) ? (node.source ?? node.arguments[0]) : undefined;
  }
}

function isDynamicImport(node) {
  return (
    node.type === 'ImportExpression' || (node.type === 'CallExpression' && node.callee.type === 'Import')
  );
}
