import { Connection, HandlerError, Server, delimiter, tcp } from '@shoal/core';
import type { Delivery } from '@shoal/core';
import { Handler, OnClose, OnConnect, OnReceive, ServerConfig } from '@shoal/decorators';

const PAGE = 'p'.repeat(999) + ';';
/** When a memo is written, in ms after it was handed in. */
const MEMO_TIMES = [2, 4, 6, 8, 10, 12, 14, 16];

/** What the desk knows of a client. */
interface Card {
  readonly counted: number;
  readonly memos: number;
}

/** Serves its clients in every way in which a handler can settle: at once or later, with an answer or without. */
@Handler()
class Desk {
  constructor(private readonly server: Server) {}

  @OnConnect async greet(connection: Connection) {
    await this.#pause(3);
    connection.state = { counted: 0, memos: 0 } satisfies Card;
    connection.send('welcome\n');
  }

  @OnReceive line(connection: Connection, line: Buffer, delivery: Delivery): Promise<void> | undefined {
    const [verb] = line.toString('latin1', 0, 16).split(' ');
    switch (verb) {
      case 'echo':
        connection.send(`${line}\n`);
        return undefined;
      case 'file':
        return this.#pause(25);
      case 'count':
        return this.#count(connection);
      case 'who':
        connection.send(`${connection.id}\n`);
        return undefined;
      case 'evict':
        this.server.close(Number(line.toString().split(' ')[1]));
        return undefined;
      case 'memo':
        for (const ms of MEMO_TIMES) this.server.after(ms, () => this.#note(connection));
        return undefined;
      case 'order':
        return this.#deliver(connection, line, delivery);
      case 'quit':
        connection.close();
    }
    return undefined;
  }

  @OnClose async leave() {
    await this.#pause(2);
  }

  /** The state is written with the settlement, so a second attempt does not count twice. */
  async #count(connection: Connection): Promise<void> {
    const card = connection.state as Card;
    const counted = card.counted + 1;
    connection.state = { ...card, counted };
    await this.#pause(4);
    connection.send(`${counted}\n`);
  }

  /** Writes the state with no handler around it, for as long as the connection is served here. */
  #note(connection: Connection): void {
    const card = connection.state as Card;
    try {
      connection.state = { ...card, memos: card.memos + 1 };
    } catch (error) {
      if (!(error instanceof HandlerError && error.code === 'STATE_NOT_KEPT')) throw error;
    }
  }

  /** What it sends goes out before it settles, so a second attempt looks whether that has happened. */
  async #deliver(connection: Connection, line: Buffer, { answered }: Delivery): Promise<void> {
    if (answered === 0) connection.send(`${pages(line.toString())}\n`);
    await this.#pause(1);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.server.after(ms, () => resolve()));
  }
}

@ServerConfig({
  mode: 'process',
  reactorNum: 1,
  workerNum: 2,
  // Small windows, so that clients find them full.
  pipeWindow: '64KiB',
  listeners: [
    tcp({
      name: 'office',
      host: '127.0.0.1',
      port: 0,
      framing: delimiter('\n', { strip: true }),
      maxQueuedBytes: '2KiB',
    }),
  ],
  handlers: [Desk],
})
export class Office {}

/** What the desk answers to a line; `counted` lines of this client were counts before. */
export function answerTo(line: string, counted: number): string | undefined {
  if (line.startsWith('echo')) return line;
  if (line === 'count') return String(counted + 1);
  return line.startsWith('order') ? pages(line) : undefined;
}

/** `order 20` asks for twenty pages. */
function pages(order: string): string {
  return PAGE.repeat(Number(order.split(' ')[1]));
}
