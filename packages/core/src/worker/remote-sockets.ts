import type { Settings } from '../config/load.js';
import { LocalDirectory, type ConnectionDirectory } from '../directory/connection-directory.js';
import type { Hello } from '../pipe/messages.js';
import type { ReactorCounters } from '../pipe/counters.js';
import type { Platform } from '../platform/platform.js';
import { ReactorLink, type LinkEvents } from './reactor-link.js';
import type { Sockets } from './sockets.js';

/** Process mode: the sockets belong to the reactors of the master, each at the end of a pipe. */
export class RemoteSockets implements Sockets {
  readonly directory: ConnectionDirectory;

  private constructor(readonly owners: readonly ReactorLink[]) {
    // A reactor that ends takes the server with it.
    this.directory = new LocalDirectory(
      false,
      (connectionId) => this.ownerOf(connectionId),
      () => this.owners,
    );
  }

  /** Opens a pipe to each reactor. Rejects with `ProcessError` PIPE_REFUSED when one does not accept this worker. */
  static async connect(
    platform: Platform,
    settings: Settings,
    pipePaths: readonly string[],
    hello: Omit<Hello, 'version'>,
    events: LinkEvents,
  ): Promise<RemoteSockets> {
    const links = await Promise.all(
      pipePaths.map(async (path) => {
        const stream = await platform.pipes.connect(path);
        const link = new ReactorLink(stream, platform.clock, settings, events);
        await link.greet(hello);
        return link;
      }),
    );
    return new RemoteSockets(links);
  }

  end(connectionId: number, reset: boolean): boolean {
    const owner = this.ownerOf(connectionId);
    owner?.end(connectionId, reset);
    return owner !== undefined;
  }

  async ready(): Promise<void> {
    await Promise.all(this.owners.map(async (link) => link.ready()));
  }

  leave(unstarted: boolean): void {
    for (const link of this.owners) link.leave(unstarted);
  }

  stats(): ReactorCounters | undefined {
    return undefined;
  }

  /** Connection ids tell their reactor: see `pipe/connection-ids.ts`. */
  ownerOf(connectionId: number): ReactorLink | undefined {
    if (!Number.isSafeInteger(connectionId) || connectionId < 0) return undefined;
    return this.owners[connectionId % this.owners.length];
  }
}
