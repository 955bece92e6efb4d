import { ConfigError } from './errors.js';

/** What of the server code finds that nobody has given one. */
export type TaskPoster = {
  taskWait(data: unknown, options: { readonly name?: string } & object): Promise<unknown>;
};

/** One for each process; in a simulation many are alive in one. */
let processNow: () => object | undefined = () => undefined;
const real = {};
const servers = new WeakMap<object, TaskPoster>();

/** A world with processes of its own says whose code is running; undefined is the real one. */
export function tellProcessesBy(find: () => object | undefined): void {
  processNow = find;
}

/** The server of this process has begun to start. */
export function enterServer(server: TaskPoster): void {
  servers.set(processNow() ?? real, server);
}

/** The server of this process; `wanted` is what needs one. Throws ConfigError CONFIG_WRONG_ORDER before it has started. */
export function currentServer(wanted: string): TaskPoster {
  const server = servers.get(processNow() ?? real);
  if (server !== undefined) return server;
  throw new ConfigError('CONFIG_WRONG_ORDER', `${wanted} works once the server of this process has started`);
}
