/** Inside the core a unit imports from rows below its own: never up, never sideways. */
export function checkRows({ modules }, { rows }) {
  const prefix = `${rows.below}/`;
  return modules
    .filter(({ path }) => path.startsWith(prefix))
    .flatMap((module) => {
      const from = module.path.slice(prefix.length);
      const report = (line, message) => ({ file: module.path, line, rule: 'rows', message });
      if (rowOf(from, rows) === -1) {
        return [report(1, `${unitOf(from)} has no row: give it one in scripts/check-layers.mjs`)];
      }
      return module.imports.flatMap(({ target, line }) => {
        if (!target?.startsWith(prefix)) return [];
        const message = judge(from, target.slice(prefix.length), rows);
        return message === undefined ? [] : [report(line, message)];
      });
    });
}

function judge(from, to, rows) {
  const [fromUnit, toUnit] = [unitOf(from), unitOf(to)];
  const { folder, importedBy, imports } = rows.realWorld;
  const [fromReal, toReal] = [isIn(from, folder), isIn(to, folder)];

  if (fromReal && toReal) return undefined;
  if (fromReal) {
    return imports.includes(to) ? undefined : `${folder} imports ${imports.join(' and ')} of ours, not ${to}`;
  }
  if (toReal) {
    return importedBy.includes(fromUnit) ? undefined : `only ${importedBy.join(' and ')} may pick ${folder}`;
  }
  if (fromUnit === toUnit) return undefined;

  const [fromRow, toRow] = [rowOf(from, rows), rowOf(to, rows)];
  if (toRow === -1) return `${toUnit} has no row: give it one in scripts/check-layers.mjs`;
  if (toRow === fromRow) return `${fromUnit} and ${toUnit} are strangers in one row: ${to} is sideways`;
  if (toRow < fromRow) return `${fromUnit} lies below ${toUnit}: ${to} is up`;
  const allowed = rows.importedOnlyBy[toUnit];
  if (allowed !== undefined && !allowed.includes(fromUnit)) {
    return `${toUnit} is imported by ${allowed.join(', ')} only, not by ${fromUnit}`;
  }
  return undefined;
}

function unitOf(path) {
  return path.split('/')[0];
}

function rowOf(path, { order }) {
  return order.findIndex((row) => row.includes(unitOf(path)));
}

function isIn(path, folder) {
  return path.startsWith(`${folder}/`);
}
