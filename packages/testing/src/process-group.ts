import { readdirSync, readFileSync } from 'node:fs';

const LIVE_GROUPS = new Set<number>();

process.on('exit', () => {
  for (const group of LIVE_GROUPS) killGroup(group);
});

/**
 * The processes of one launched server: a process group of its own, so that
 * none can be overlooked, nor left behind when the test process ends.
 */
export class ProcessGroup {
  constructor(readonly id: number) {
    LIVE_GROUPS.add(id);
  }

  /** Pids of the living members; where the system has no /proc, the group's id stands for all. */
  members(): readonly number[] {
    if (process.platform !== 'linux') return lives(-this.id) ? [this.id] : [];
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && isLiveMember(name, this.id))
      .map(Number);
  }

  kill(): void {
    killGroup(this.id);
  }

  /** The group is known to be empty. */
  forget(): void {
    LIVE_GROUPS.delete(this.id);
  }
}

function isLiveMember(name: string, group: number): boolean {
  try {
    const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
    // After the name, which may hold anything: state, parent, group. Z and X are dead.
    const [state, , memberOf] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(memberOf) === group && state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}
