/**
 * No cycles between files, types included. Of each knot of files the shortest
 * cycle through its first file is printed, at the import that begins it.
 */
export function checkCycles({ modules }) {
  const byPath = new Map(modules.map((module) => [module.path, module]));
  const violations = [];
  const reported = new Set();
  for (const { path } of modules) {
    if (reported.has(path)) continue;
    const cycle = shortestCycle(path, byPath);
    if (cycle === undefined) continue;
    for (const each of cycle) reported.add(each);
    const first = byPath.get(path).imports.find(({ target }) => target === (cycle[1] ?? path));
    violations.push({ file: path, line: first.line, rule: 'cycles', message: [...cycle, path].join(' → ') });
  }
  return violations;
}

/** Breadth first, so that the way back that is found is a shortest one. */
function shortestCycle(start, byPath) {
  const cameFrom = new Map();
  const queue = [start];
  for (const path of queue) {
    for (const { target } of byPath.get(path)?.imports ?? []) {
      if (target === start) return wayTo(path, cameFrom);
      if (target === undefined || cameFrom.has(target)) continue;
      cameFrom.set(target, path);
      queue.push(target);
    }
  }
  return undefined;
}

function wayTo(path, cameFrom) {
  const way = [];
  for (let each = path; each !== undefined; each = cameFrom.get(each)) way.unshift(each);
  return way;
}
