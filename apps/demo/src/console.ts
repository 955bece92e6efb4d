/**
 * The commands of the console, in the words of the StatsD daemon. Longer answers
 * end with the line `END` and an empty one.
 */
import type { Totals } from './totals.js';

const HELP =
  'Commands: stats, counters, gauges, timers, sets, delcounters, delgauges, deltimers, health, status, reload, stop, help, quit\n\n';
const END = 'END\n\n';

/** What the console has been told; commands with words change something. */
export interface Command {
  readonly kind: 'command';
  readonly command: string;
  readonly words: readonly string[];
}

export function answerOf(totals: Totals, { command, words }: Command): string {
  switch (command) {
    case 'help':
      return HELP;
    case 'stats':
      return stats(totals);
    case 'counters':
    case 'gauges':
    case 'timers':
    case 'sets':
      return `${JSON.stringify(Object.fromEntries<unknown>(totals[command]))}\n${END}`;
    case 'delcounters':
      return remove(totals.counters, words);
    case 'delgauges':
      return remove(totals.gauges, words);
    case 'deltimers':
      return remove(totals.timers, words);
    case 'health':
      return health(totals, words[0]?.toLowerCase());
    default:
      return 'ERROR\n';
  }
}

function stats({ uptime, silence, badLinesSeen }: Totals): string {
  return (
    `uptime: ${uptime}\n` +
    `messages.last_msg_seen: ${silence}\n` +
    `messages.bad_lines_seen: ${badLinesSeen}\n${END}`
  );
}

function health(totals: Totals, to: string | undefined): string {
  if (to === 'up' || to === 'down') totals.health = to;
  return `health: ${totals.health}\n`;
}

/** Each pattern is a name, or `a.b.*` for everything below `a.b`. */
function remove(group: Map<string, unknown>, patterns: readonly string[]): string {
  const lines = patterns.flatMap((pattern) => {
    const folder = pattern.endsWith('.*') ? pattern.slice(0, -1) : undefined;
    const names = [...group.keys()].filter(
      (name) => name === pattern || (folder !== undefined && name.startsWith(folder)),
    );
    for (const name of names) group.delete(name);
    return names.length === 0 ? [`metric ${pattern} not found\n`] : names.map((name) => `deleted: ${name}\n`);
  });
  return lines.join('') + END;
}
