import { longestPage } from '@shoal/core/internal/control/read-request';
import type { TaskState, TaskSummary } from '@shoal/core/internal/pipe/queued-tasks';
import type { TasksAction } from '../command-line.js';
import { CommandError } from '../command-error.js';
import type { ControlClient } from '../control/control-client.js';
import { colours, print, tell, titled } from '../output.js';
import { taskLines } from '../text/tasks-text.js';
import { CommandExit } from '../usage-error.js';

/** What `shoal tasks` does with the queue of a server. */
export async function tasks(client: ControlClient, action: TasksAction): Promise<void> {
  switch (action.action) {
    case 'list':
      return list(client, action);
    case 'retry': {
      const { ids } = action;
      const count = await client.ask({ what: 'retryTasks', ...(ids !== undefined && { ids }) });
      print(`${count} dead letter${count === 1 ? ' is' : 's are'} ready again`);
      if (ids === undefined || count === new Set(ids).size) return;
      throw new CommandError(
        CommandExit.failed,
        `the others are no dead letters, or their dedupe keys are taken`,
      );
    }
    case 'drain': {
      const count = await client.ask({ what: 'drainTasks' });
      print(`${count} task${count === 1 ? ' is' : 's are'} forgotten`);
    }
  }
}

async function list(
  client: ControlClient,
  { state, json, limit }: Extract<TasksAction, { action: 'list' }>,
): Promise<void> {
  const { found, more } = await collect(client, state, limit);
  if (json) {
    print(JSON.stringify(found, undefined, 2));
  } else {
    const [head = '', ...rows] = taskLines(found, Date.now());
    print(titled(head, colours(1)));
    for (const row of rows) print(row);
  }
  if (more) tell(`there are more than ${limit}: see --limit`);
}

/** Page by page, so that no answer is long. One more than asked for tells whether there are more. */
async function collect(
  client: ControlClient,
  state: TaskState | undefined,
  limit: number,
): Promise<{ found: TaskSummary[]; more: boolean }> {
  const found: TaskSummary[] = [];
  for (let after = 0; found.length <= limit; after = found.at(-1)!.id) {
    const size = Math.min(longestPage, limit + 1 - found.length);
    const page = await client.ask({
      what: 'tasks',
      after,
      limit: size,
      ...(state !== undefined && { state }),
    });
    if (page.some(({ id }, index) => id <= (page[index - 1]?.id ?? after)))
      throw new CommandError(CommandExit.failed, 'the server does not list its tasks in order');
    found.push(...page);
    if (page.length < size) break;
  }
  return { found: found.slice(0, limit), more: found.length > limit };
}
