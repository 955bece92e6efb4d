import { Server } from '@shoal/core';
import type { ContainerContext, RoleName } from '@shoal/core/internal/definition';

/** The process for which objects are built. */
export interface ProcessPlace {
  readonly role: RoleName;
  /**
   * All that the process is, `role` first. More than one in base mode alone: the
   * first process is master and manager at once, and with a single worker and no
   * other processes it is that worker before all.
   */
  readonly roles: readonly RoleName[];
  /** Of workers and task workers. */
  readonly workerId?: number;
}

/** What the container's context and the `Server` object in it say. */
export function placeOf({ role, bindings }: ContainerContext): ProcessPlace {
  const server = bindings.find(([token]) => token === Server)?.[1] as Server | undefined;
  if (server === undefined) return { role, roles: [role] };
  const { workerId } = server;
  const isFirst = server.workerPid === server.masterPid;
  const roles = isFirst && server.setting.mode === 'base' ? ([role, 'master', 'manager'] as const) : [role];
  return { role, roles: [...new Set(roles)], ...(workerId >= 0 && { workerId }) };
}
