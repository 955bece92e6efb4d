/**
 * The console on the admin port: one command a line, in the words of the StatsD
 * daemon. Longer answers end with the line `END` and an empty one.
 */
import type { Connection } from '@shoal/core';
import { Handler, OnReceive, Tick } from '@shoal/decorators';
import { Metrics } from './metrics.js';

const HELP =
  'Commands: stats, counters, gauges, timers, sets, delcounters, delgauges, deltimers, health, help, quit\n\n';
const END = 'END\n\n';

@Handler()
export class Admin {
  #health = 'up';

  constructor(private readonly metrics: Metrics) {}

  @OnReceive({ listener: 'admin' })
  command(connection: Connection, line: Buffer): void {
    const [command = '', ...words] = line.toString().trim().split(/\s+/);
    if (command === 'quit') connection.close();
    else connection.send(this.answer(command, words));
  }

  /** Uptime is counted on the server's clock, which a simulated test can move. */
  @Tick('1s')
  second(): void {
    this.metrics.tick();
  }

  answer(command: string, words: readonly string[]): string {
    switch (command) {
      case 'help':
        return HELP;
      case 'stats':
        return this.#stats();
      case 'counters':
      case 'gauges':
      case 'timers':
      case 'sets':
        return show(this.metrics[command]);
      case 'delcounters':
        return remove(this.metrics.counters, words);
      case 'delgauges':
        return remove(this.metrics.gauges, words);
      case 'deltimers':
        return remove(this.metrics.timers, words);
      case 'health':
        return this.#setHealth(words[0]?.toLowerCase());
      default:
        return 'ERROR\n';
    }
  }

  #stats(): string {
    const { uptime, silence, badLinesSeen } = this.metrics;
    return (
      `uptime: ${uptime}\n` +
      `messages.last_msg_seen: ${silence}\n` +
      `messages.bad_lines_seen: ${badLinesSeen}\n${END}`
    );
  }

  #setHealth(to: string | undefined): string {
    if (to === 'up' || to === 'down') this.#health = to;
    return `health: ${this.#health}\n`;
  }
}

function show(group: ReadonlyMap<string, unknown>): string {
  return `${JSON.stringify(Object.fromEntries(group))}\n${END}`;
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
