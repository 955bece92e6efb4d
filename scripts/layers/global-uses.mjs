import { childrenOf, lineOf } from './syntax.mjs';
import { declarationsIn, opensScope } from './scopes.mjs';

/**
 * Where a source uses one of the named globals, or one of the named members of
 * a global, as a value. A local of the same name, a property (`clock.process`,
 * `{ process: 1 }`) and a type are not uses; `globalThis.process` is.
 */
export function readGlobalUses(syntax, { globals, members }) {
  const uses = [];
  visit(syntax, []);
  return uses;

  function visit(node, outer) {
    if (isType(node)) return;
    const scopes = opensScope(node) ? [...outer, declarationsIn(node)] : outer;

    if (node.type === 'Identifier') {
      if (isGlobal(node, scopes)) use(node, node.name, own(globals, node.name));
      return;
    }
    const [object, names] = membersTakenBy(node);
    const root = object && globalName(object, scopes);
    for (const name of names) {
      if (globalObjects.includes(root)) {
        use(
          node,
          `${root}.${name ?? '…'}`,
          name === undefined ? 'write the name of what it takes' : own(globals, name),
        );
      } else if (root !== undefined) {
        use(node, `${root}.${name}`, own(own(members, root) ?? {}, name));
      }
    }
    for (const [field, child] of childrenOf(node)) {
      if (!isName(node, field)) visit(child, scopes);
    }
  }

  function use(node, name, remedy) {
    if (remedy !== undefined) uses.push({ name, remedy, line: lineOf(node) });
  }
}

/** Never what a plain object inherits: `constructor` is a name like any other here. */
function own(table, name) {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

const globalObjects = ['globalThis', 'global'];

/** `Math` for the global `Math` and for `globalThis.Math`; undefined for anything else. */
function globalName(node, scopes) {
  if (node.type === 'TSAsExpression' || node.type === 'TSNonNullExpression')
    return globalName(node.expression, scopes);
  if (node.type === 'Identifier') return isGlobal(node, scopes) ? node.name : undefined;
  if (!isMember(node)) return undefined;
  return globalObjects.includes(globalName(node.object, scopes)) ? propertyName(node) : undefined;
}

function isGlobal({ name }, scopes) {
  return !scopes.some((scope) => scope.has(name));
}

/** The object and the members in `a.b`, `a['b']`, and in `const { b } = a`. */
function membersTakenBy(node) {
  if (isMember(node)) return [node.object, [propertyName(node)]];
  const pattern = node.type === 'VariableDeclarator' ? node.id : node.left;
  const value = node.type === 'VariableDeclarator' ? node.init : node.right;
  if (pattern?.type !== 'ObjectPattern' || !value) return [undefined, []];
  return [
    value,
    pattern.properties.map((property) => property.key && keyName(property.key, property.computed)),
  ];
}

function isMember({ type }) {
  return type === 'MemberExpression' || type === 'OptionalMemberExpression';
}

function propertyName({ property, computed }) {
  return keyName(property, computed);
}

function keyName(key, computed) {
  if (key.type === 'StringLiteral') return key.value;
  return computed ? undefined : key.name;
}

/** Fields that hold a name and no expression. */
function isName(node, field) {
  switch (field) {
    case 'property':
    case 'key':
      return !node.computed;
    case 'label':
    case 'meta':
    case 'imported':
    case 'exported':
      return true;
    case 'local':
      return node.type !== 'ExportSpecifier';
    case 'specifiers':
      return node.source != null;
    case 'id':
      return node.type === 'PrivateName' || node.type === 'TSEnumMember';
    default:
      return false;
  }
}

const valuesInTypeScript = new Set([
  'TSAsExpression',
  'TSSatisfiesExpression',
  'TSNonNullExpression',
  'TSTypeAssertion',
  'TSInstantiationExpression',
  'TSParameterProperty',
  'TSEnumDeclaration',
  'TSEnumBody',
  'TSEnumMember',
  'TSModuleDeclaration',
  'TSModuleBlock',
  'TSExportAssignment',
]);

/** Types and ambient declarations vanish when the program is compiled. */
function isType(node) {
  return (node.type.startsWith('TS') && !valuesInTypeScript.has(node.type)) || node.declare === true;
}
