/**
 * What only some processes need, loaded where a process turns out to need it:
 * loading modules is most of what a boot costs, and a worker has no use for
 * those of the master, nor, as a rule, for the schema of the settings.
 *
 * It happens while the process boots and never later, when there may be another
 * build on disk.
 */
export class Late<Module> {
  #module: Module | undefined;

  constructor(private readonly load: () => Promise<Module>) {}

  async get(): Promise<Module> {
    return (this.#module ??= await this.load());
  }
}

/** Takes longer to load than anything else of ours. */
export const settingsSchema = new Late(async () => import('../config/load.js'));
/** base mode: what a worker needs that owns its sockets. */
export const baseSockets = new Late(async () => import('./base-sockets.js'));
