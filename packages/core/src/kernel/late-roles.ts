import { baseSockets, Late, settingsSchema } from './late.js';

/** Each process plays one of them. */
export const firstRole = new Late(async () => import('./first-role.js'));
export const managerRole = new Late(async () => import('./manager-role.js'));
export const workerRole = new Late(async () => import('./worker-role.js'));

/** For a simulated world, in which the first process must boot in the same steps as all that follow it. */
export async function loadAll(): Promise<void> {
  for (const late of [firstRole, managerRole, workerRole, settingsSchema, baseSockets]) await late.get();
}
