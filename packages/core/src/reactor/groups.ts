import type { Group, Standing } from './standing.js';

/**
 * The groups of the connections that one owner has. They are kept here, and not
 * in workers, so that a member is one for as long as its socket is open. A group
 * without members is forgotten.
 */
export class Groups {
  readonly #byName = new Map<string, Group>();
  #joins = 0;

  constructor(
    /** Groups in all. */
    private readonly most: number,
    /** Groups of one connection. */
    private readonly mostOfOne: number,
  ) {}

  /** How many there are. */
  get count(): number {
    return this.#byName.size;
  }

  /** `full`: the connection is in as many as it may be, or there are as many as there may be. */
  join(member: Standing, name: string): 'joined' | 'wasMember' | 'full' {
    const known = this.#byName.get(name);
    if (known?.members.has(member) === true) return 'wasMember';
    if (member.groups.size >= this.mostOfOne) return 'full';
    if (known === undefined && this.#byName.size >= this.most) return 'full';
    const group: Group = known ?? { name, members: new Map() };
    if (known === undefined) this.#byName.set(name, group);
    group.members.set(member, ++this.#joins);
    member.groups.add(group);
    return 'joined';
  }

  /** Whether it was a member. */
  leave(member: Standing, name: string): boolean {
    const group = this.#byName.get(name);
    if (group?.members.delete(member) !== true) return false;
    member.groups.delete(group);
    if (group.members.size === 0) this.#byName.delete(name);
    return true;
  }

  leaveAll(member: Standing): void {
    for (const { name } of member.groups) this.leave(member, name);
  }

  members(name: string): ReadonlyMap<Standing, number> {
    return this.#byName.get(name)?.members ?? nobody;
  }
}

const nobody: ReadonlyMap<never, number> = new Map<never, number>();
