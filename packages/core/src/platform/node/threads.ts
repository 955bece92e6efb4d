import { SHARE_ENV, Worker, isMainThread } from 'node:worker_threads';
import { ProcessError } from '../../errors.js';
import type { Message, Thread, Threads } from '../platform.js';
import { Occurrence } from './occurrence.js';
import { PortLink } from './port-link.js';

/** What a thread finds in its `workerData`. Its own `argv` names the thread's entry, so the program's name travels. */
export interface ThreadData {
  readonly assignment: Message;
  readonly program: string;
  readonly name: string;
}

export class NodeThreads implements Threads {
  constructor(
    private readonly entry: URL | undefined,
    private readonly program: string,
  ) {}

  spawn(assignment: Message, name: string): Thread {
    if (this.entry === undefined || !isMainThread) {
      throw new ProcessError('NOT_IN_THIS_ROLE', 'a reactor thread starts no threads');
    }
    const workerData: ThreadData = { assignment, program: this.program, name };
    return new NodeThread(new Worker(this.entry, { workerData, name, env: SHARE_ENV }), name);
  }
}

class NodeThread implements Thread {
  readonly #link: PortLink;
  readonly #exit = new Occurrence<Error | undefined>();
  #error: Error | undefined;

  constructor(worker: Worker, name: string) {
    this.#link = new PortLink(worker);
    worker.on('error', (error: unknown) => (this.#error ??= asError(error)));
    // Node hands over the last messages of the thread before it tells of the exit.
    worker.once('exit', (code) => {
      if (code !== 0) this.#error ??= new Error(`the thread ${name} left with code ${code}`);
      this.#link.end();
      this.#exit.happen(this.#error);
    });
  }

  send(message: Message): void {
    this.#link.send(message);
  }

  onMessage(receive: (message: Message) => void): void {
    this.#link.onMessage(receive);
  }

  onDisconnect(run: () => void): void {
    this.#link.onDisconnect(run);
  }

  onExit(run: (error: Error | undefined) => void): void {
    this.#exit.tell(run);
  }
}

/** Anything can be thrown. */
function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
}
