/**
 * The commands of the console that drive the server itself. They are carried out
 * by whichever worker has been asked, also when it is one of those that a reload
 * replaces: its answer has left by then.
 */
import { Server, type ServerStatus } from '@shoal/core';
import { Injectable } from '@shoal/decorators';

/** Its commands, as `help` names them. */
export const remoteCommands = ['status', 'reload', 'stop'];

const END = 'END\n\n';

@Injectable()
export class RemoteControl {
  constructor(private readonly server: Server) {}

  /** Resolves to the answer; undefined for what is no command of these. */
  async answer(command: string, words: readonly string[]): Promise<string | undefined> {
    switch (command) {
      case 'status':
        return statusText(await this.server.status());
      case 'reload':
        return this.#reload(words);
      case 'stop':
        await this.server.shutdown();
        return `stopping\n${END}`;
      default:
        return undefined;
    }
  }

  /** Answers when the first new processes have proved themselves, or have not. */
  async #reload(words: readonly string[]): Promise<string> {
    const tasksOnly = words.length === 1 && words[0] === 'task';
    if (words.length > 0 && !tasksOnly) return 'ERROR: reload takes nothing, or task\n';
    try {
      const { generation, needRestart } = await this.server.reload(tasksOnly ? { only: 'task' } : {});
      const restart = needRestart.map((name) => `needs a restart: ${name}\n`).join('');
      return `reloading: generation ${generation} is accepted\n${restart}${END}`;
    } catch (error) {
      return `ERROR: ${oneLine(error)}\n`;
    }
  }
}

function statusText({ state, generation, stats, processes }: ServerStatus): string {
  const lines = processes.map(({ role, name, workerId, pid, state: its, requests }) => {
    const who = name ?? (workerId < 0 ? role : `${role} ${workerId}`);
    return `process ${who}: pid ${pid}, ${its}, ${requests} handled\n`;
  });
  return (
    `state: ${state}\n` +
    `generation: ${generation}\n` +
    `connections: ${stats.connections}\n${lines.join('')}${END}`
  );
}

function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ');
}
