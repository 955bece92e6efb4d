import { childrenOf } from './syntax.mjs';

/**
 * Which names a piece of syntax declares for itself. Enough of the language's
 * scoping to tell a local from a global: blocks, functions, classes, loops,
 * catch clauses and modules; `var` reaches up to its function.
 */
export function opensScope({ type }) {
  return isFunction(type) || scopeTypes.has(type);
}

const scopeTypes = new Set([
  'Program',
  'BlockStatement',
  'StaticBlock',
  'TSModuleBlock',
  'ForStatement',
  'ForInStatement',
  'ForOfStatement',
  'SwitchStatement',
  'CatchClause',
  'ClassDeclaration',
  'ClassExpression',
]);

/** The names that the scope opened by this node binds to values. */
export function declarationsIn(scope) {
  const names = new Set();
  if (isFunction(scope.type)) {
    for (const parameter of scope.params) addPattern(parameter, names);
    if (scope.type === 'FunctionExpression') addPattern(scope.id, names);
  } else if (scope.type === 'CatchClause') {
    addPattern(scope.param, names);
  } else if (scope.type.startsWith('Class')) {
    addPattern(scope.id, names);
  } else {
    for (const [, child] of childrenOf(scope)) addDeclaration(child, names);
  }
  if (isFunction(scope.type) || scope.type === 'Program') addVars(scope, names);
  return names;
}

function addDeclaration(node, names) {
  if (node.declare === true) return;
  switch (node.type) {
    case 'ImportDeclaration':
      if (node.importKind === 'type') return;
      for (const each of node.specifiers) if (each.importKind !== 'type') addPattern(each.local, names);
      return;
    case 'ExportNamedDeclaration':
    case 'ExportDefaultDeclaration':
      if (node.declaration) addDeclaration(node.declaration, names);
      return;
    case 'VariableDeclaration':
      for (const { id } of node.declarations) addPattern(id, names);
      return;
    case 'FunctionDeclaration':
    case 'ClassDeclaration':
    case 'TSEnumDeclaration':
    case 'TSModuleDeclaration':
    case 'TSImportEqualsDeclaration':
      addPattern(node.id, names);
      return;
    case 'SwitchCase':
      for (const each of node.consequent) addDeclaration(each, names);
  }
}

/** `var` in nested blocks, but not in nested functions. */
function addVars(node, names) {
  for (const [, child] of childrenOf(node)) {
    if (isFunction(child.type)) continue;
    if (child.type === 'VariableDeclaration' && child.kind === 'var') addDeclaration(child, names);
    addVars(child, names);
  }
}

function addPattern(pattern, names) {
  switch (pattern?.type) {
    case 'Identifier':
      names.add(pattern.name);
      return;
    case 'ObjectPattern':
      for (const property of pattern.properties) addPattern(property.value ?? property.argument, names);
      return;
    case 'ArrayPattern':
      for (const element of pattern.elements) addPattern(element, names);
      return;
    case 'AssignmentPattern':
      addPattern(pattern.left, names);
      return;
    case 'RestElement':
      addPattern(pattern.argument, names);
      return;
    case 'TSParameterProperty':
      addPattern(pattern.parameter, names);
  }
}

function isFunction(type) {
  return /^(Function(Declaration|Expression)|ArrowFunctionExpression|ObjectMethod|Class(Private)?Method)$/.test(
    type,
  );
}
