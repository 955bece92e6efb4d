import { Connection, ProcessError, Server, TaskError, delimiter, tcp } from '@shoal/core';
import type { PipeMessage, Task, TaskResult } from '@shoal/core';
import { Handler, OnFinish, OnPipeMessage, OnReceive, OnTask, ServerConfig } from '@shoal/decorators';

/** Results and messages of this many bytes travel in several chunks. */
const LARGE_BYTES = 150_000;
/** Worker ids: two event workers, then two task workers. */
const EVERYBODY = [0, 1, 2, 3];

interface Job {
  readonly do: 'echo' | 'later' | 'break' | 'die' | 'kill' | 'large' | 'parts';
  readonly text: string;
}

interface Note {
  readonly text: string;
  readonly ms?: number;
  readonly breaks?: boolean;
  /** Whoever starts it dies. */
  readonly kills?: boolean;
}

/** Does jobs in every way in which a handler can settle. */
@Handler()
class Bench {
  constructor(private readonly server: Server) {}

  @OnTask do(task: Task<Job>): unknown {
    const { text } = task.data;
    switch (task.data.do) {
      case 'echo':
        return text;
      case 'later':
        return pause(this.server, 6).then(() => text);
      case 'break':
        throw new Error(`broken ${text}`);
      case 'die':
        if (task.attempt === 1) process.exit(9);
        return text;
      case 'kill':
        return process.exit(9);
      case 'large':
        return text.padEnd(LARGE_BYTES, '.');
      case 'parts':
        task.finish(text.padEnd(LARGE_BYTES, '.'));
        task.finish(text);
        return undefined;
    }
  }

  @OnTask('reverse') async reverse(task: Task<string>): Promise<string> {
    await pause(this.server, 2);
    return task.data.split('').toReversed().join('');
  }
}

/** Posts jobs and sends notes as its clients tell it, a line each, and answers with what comes of it. */
@Handler()
class Counter {
  constructor(private readonly server: Server) {}

  @OnFinish finished(_result: TaskResult) {}

  @OnPipeMessage async note({ data }: PipeMessage<Note>): Promise<string> {
    if (data.kills) process.exit(9);
    if (data.breaks) throw new Error(`broken ${data.text}`);
    if (data.ms !== undefined) await pause(this.server, data.ms);
    return data.text.slice(0, 10);
  }

  @OnReceive async line(connection: Connection, line: Buffer): Promise<void> {
    const [word = '', text = ''] = line.toString().split(' ');
    connection.send(`${await this.#outcome(word, text)}\n`);
  }

  async #outcome(word: string, text: string): Promise<unknown> {
    try {
      return await this.#do(word, text);
    } catch (error) {
      if (error instanceof TaskError) return error.code;
      return (error as Error).message;
    }
  }

  async #do(word: string, text: string): Promise<unknown> {
    const { server } = this;
    switch (word) {
      case 'reverse':
        return server.taskWait(text, { name: 'reverse' });
      case 'pinned':
        return server.taskWait({ do: 'echo', text }, { dst: text.length % 2 });
      case 'impatient':
        return server.taskWait({ do: 'later', text }, { timeout: 3 });
      case 'callback':
        return new Promise((resolve) =>
          server.task({ do: 'later', text }, undefined, ({ data, error }) => resolve(data ?? error?.message)),
        );
      case 'forget':
        server.task({ do: 'parts', text });
        return 'posted';
      case 'many':
        return this.#many(text);
      case 'deadly':
        return this.#deadly(text);
      case 'tell':
        return this.#tell(text);
      case 'ask':
        return this.#ask(text);
      case 'poison':
        return this.#poison(text);
      default:
        return shown(await server.taskWait({ do: word, text }));
    }
  }

  async #many(text: string): Promise<string> {
    // Some take their time, so that others wait in the task worker.
    const jobs = Array.from({ length: 20 }, (_, index) => {
      return { do: index % 4 === 0 ? 'later' : 'echo', text: `${text}${index}` };
    });
    const results = await this.server.taskWaitMulti(jobs);
    return results.map((result) => (result.status === 'fulfilled' ? result.value : result.status)).join(',');
  }

  /** One job that always kills, amid others. */
  async #deadly(text: string): Promise<string> {
    const echoes = Array.from({ length: 10 }, () => ({ do: 'echo', text }));
    const results = await this.server.taskWaitMulti([...echoes, { do: 'kill', text }, ...echoes]);
    return `${results.filter(({ status }) => status === 'rejected').length} lost`;
  }

  /** Notes of all sizes to everybody else, one of which breaks, and one to all. */
  async #tell(text: string): Promise<string> {
    const { server } = this;
    const notes: Note[] = [
      { text },
      { text: text.padEnd(40_000, '.'), ms: 3 },
      { text: text.padEnd(LARGE_BYTES, '.') },
      { text, breaks: true },
      { text, ms: 1 },
    ];
    server.broadcast({ text });
    for (const note of notes)
      for (const dst of this.#others()) {
        if (note.ms === undefined) server.sendMessage(note, dst);
        else await server.sendMessageWait(note, dst);
      }
    return 'told';
  }

  /** Whoever dies while it answers is asked again: its replacement is. */
  async #ask(text: string): Promise<string> {
    const answers: unknown[] = [];
    for (const dst of this.#others()) answers.push(await this.#askUntilAnswered({ text, ms: 8 }, dst));
    return answers.join(',');
  }

  async #askUntilAnswered(note: Note, dst: number): Promise<unknown> {
    for (;;) {
      try {
        return await this.server.ask(dst, note, { timeout: 20_000 });
      } catch (error) {
        if (!(error instanceof ProcessError && error.code === 'ASK_LOST')) throw error;
      }
    }
  }

  /** A note that kills, amid others, to a task worker. */
  async #poison(text: string): Promise<string> {
    const { server } = this;
    const kills = { text, kills: true };
    for (const note of [{ text }, kills, { text }, { text }]) await server.sendMessageWait(note, 2);
    return 'sent';
  }

  #others(): readonly number[] {
    return EVERYBODY.filter((workerId) => workerId !== this.server.workerId);
  }
}

async function pause(server: Server, ms: number): Promise<void> {
  return new Promise((resolve) => void server.after(ms, () => resolve()));
}

function shown(value: unknown): unknown {
  return typeof value === 'string' && value.length === LARGE_BYTES ? value.replace(/\.+$/, ' large') : value;
}

@ServerConfig({
  mode: 'process',
  reactorNum: 1,
  workerNum: 2,
  taskWorkerNum: 2,
  taskConcurrency: 2,
  // Small windows, so that senders find them full.
  pipeWindow: '64KiB',
  listeners: [
    tcp({ name: 'counter', host: '127.0.0.1', port: 0, framing: delimiter('\n', { strip: true }) }),
  ],
  handlers: [Counter, Bench],
})
export class Workshop {}

/** What the counter may answer to a line. */
export function answersTo(line: string): readonly string[] {
  const [word, text = ''] = line.split(' ');
  switch (word) {
    case 'break':
      return [`broken ${text}`];
    case 'reverse':
      return [text.split('').toReversed().join('')];
    case 'impatient':
      return [text, 'TASK_TIMEOUT'];
    case 'die':
      // Its first task worker dies of it; the next one may die of something else.
      return [text, 'TASK_WORKER_LOST'];
    case 'deadly':
      // The one that kills, and at most one for each accident besides.
      return [1, 2, 3, 4, 5].map((count) => `${count} lost`);
    case 'forget':
      return ['posted'];
    case 'many':
      return [Array.from({ length: 20 }, (_, index) => `${text}${index}`).join(',')];
    case 'tell':
      return ['told'];
    case 'ask':
      return [[text, text, text].join(',')];
    case 'poison':
      return ['sent'];
    case 'large':
    case 'parts':
      return [`${text} large`];
    default:
      return [text];
  }
}
