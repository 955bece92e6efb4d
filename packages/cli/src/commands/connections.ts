import { longestPage } from '@shoal/core/internal/control/read-request';
import type { ClientInfo } from '@shoal/core/internal/pipe/questions';
import { CommandError } from '../command-error.js';
import type { ControlClient } from '../control/control-client.js';
import { colours, print, tell, titled } from '../output.js';
import { connectionLines } from '../text/connections-text.js';
import { CommandExit } from '../usage-error.js';

/** Prints at most `limit` connections, in the order of their ids. */
export async function connections(client: ControlClient, limit: number, json: boolean): Promise<void> {
  const { found, more } = await collect(client, limit);
  if (json) {
    print(JSON.stringify(found, undefined, 2));
  } else {
    const [head = '', ...rows] = connectionLines(found, Date.now());
    print(titled(head, colours(1)));
    for (const row of rows) print(row);
  }
  if (more) tell(`there are more than ${limit}: see --limit`);
}

/** Page by page, so that no answer is long. One more than asked for tells whether there are more. */
async function collect(
  client: ControlClient,
  limit: number,
): Promise<{ found: ClientInfo[]; more: boolean }> {
  const found: ClientInfo[] = [];
  for (let after = -1; found.length <= limit; after = found.at(-1)!.id) {
    const size = Math.min(longestPage, limit + 1 - found.length);
    const page = await client.ask({ what: 'connections', after, limit: size });
    if (page.some(({ id }, index) => id <= (page[index - 1]?.id ?? after)))
      throw new CommandError(CommandExit.failed, 'the server does not list its connections in order');
    found.push(...page);
    if (page.length < size) break;
  }
  return { found: found.slice(0, limit), more: found.length > limit };
}
