/**
 * Processes of this machine as Linux tells of them in /proc: who descends from
 * whom, and how much processor time each has had.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** Length of a tick in /proc in µs: USER_HZ is 100 on every architecture that Node runs on. */
const TICK_US = 10_000;

export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  /** Start time in ticks since boot: with the pid it names a process for good. */
  readonly startedAt: string;
  /** Processor time of all its threads, user and system, in µs. */
  readonly cpu: number;
}

/** Undefined when there is no such process. */
export function processFacts(pid: number): ProcessFacts | undefined {
  return factsIn(`/proc/${pid}`, pid);
}

/** A process or a thread: /proc tells the same of both. */
function factsIn(directory: string, pid: number): ProcessFacts | undefined {
  let line: string;
  try {
    line = readFileSync(`${directory}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The name in parentheses may hold anything; the fields behind it are counted from 3.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): string => fields[number - 3] ?? '';
  return {
    pid,
    parent: Number(field(4)),
    startedAt: field(22),
    cpu: (Number(field(14)) + Number(field(15))) * TICK_US,
  };
}

/** A process and all that descend from it, parents first. */
export function processTree(root: number): ProcessFacts[] {
  const children = new Map<number, ProcessFacts[]>();
  for (const entry of readdirSync('/proc')) {
    const facts = /^\d+$/.test(entry) ? processFacts(Number(entry)) : undefined;
    if (facts === undefined) continue;
    const siblings = children.get(facts.parent);
    if (siblings === undefined) children.set(facts.parent, [facts]);
    else siblings.push(facts);
  }
  const first = processFacts(root);
  const tree = first === undefined ? [] : [first];
  for (let at = 0; at < tree.length; at++) tree.push(...(children.get(tree[at]!.pid) ?? []));
  return tree;
}

/** Processor time that a tree has had, in µs. */
export function cpuOfTree(root: number): number {
  return processTree(root).reduce((sum, { cpu }) => sum + cpu, 0);
}

/** Processor time of every thread in a tree, in µs, by thread id. */
export function cpuOfThreads(root: number): Map<number, number> {
  const threads = new Map<number, number>();
  for (const { pid } of processTree(root)) {
    for (const entry of entriesOf(`/proc/${pid}/task`)) {
      const facts = factsIn(`/proc/${pid}/task/${entry}`, Number(entry));
      if (facts !== undefined) threads.set(facts.pid, facts.cpu);
    }
  }
  return threads;
}

/** None when the process has just ended. */
function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Ends exactly those processes that still are the ones described. */
export function killProcesses(tree: readonly ProcessFacts[]): void {
  for (const { pid, startedAt } of tree) {
    if (processFacts(pid)?.startedAt !== startedAt) continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It went by itself in between.
    }
  }
}

/**
 * Time in µs that all processors together have given to processes, or that the
 * hypervisor gave to other machines; interrupts are nobody's.
 */
export function cpuOfMachine(): number {
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n', 1);
  const [user = 0, nice = 0, system = 0, , , , , steal = 0] = line.split(/\s+/).slice(1).map(Number);
  return (user + nice + system + steal) * TICK_US;
}
