/**
 * The commands that one process answers: finds the handler, calls it, and gives
 * its answer back as it travels.
 *
 * Nobody waits in a line: a command is called when it comes, beside whatever
 * else the process does.
 */
import type { Container, Definition, HandlerSpec, RoleName } from '../definition.js';
import { fromWire, ProcessError, toWire } from '../errors.js';
import { bind, runsIn } from '../events/handler-table.js';
import type { Invoker } from '../events/invoke.js';
import { packCommandData, unpackCommandData } from '../pipe/command-data.js';
import type { Question } from '../pipe/questions.js';
import type { Clock } from '../platform/platform.js';

export class Commands {
  #running = 0;
  #isOpen = false;
  #container: Container | undefined;
  #onIdle: (() => void) | undefined;

  constructor(
    private readonly definition: Definition,
    private readonly invoker: Invoker,
    private readonly clock: Clock,
    /** The name of a user process. */
    private readonly process: string | undefined,
  ) {}

  /** Commands whose handler is pending. */
  get running(): number {
    return this.#running;
  }

  /** The objects of the process are there. */
  open(container: Container | undefined): void {
    this.#container = container;
    this.#isOpen = true;
  }

  /** The objects of the process are about to end. */
  close(): void {
    this.#isOpen = false;
  }

  /** Resolves when no command runs, or after `deadline` ms. */
  async finish(deadline: number): Promise<void> {
    if (this.#running === 0) return;
    await new Promise<void>((resolve) => {
      const timer = this.clock.setTimer(deadline, resolve);
      this.#onIdle = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  /**
   * Calls the handler that this process has as `role`. Rejects with what it
   * throws, as it looks from another process, or with `ProcessError`
   * COMMAND_UNKNOWN, ASK_LOST, COMMAND_INVALID or COMMAND_TOO_LONG.
   */
  async answer({ name, data }: Extract<Question, { what: 'command' }>, role: RoleName): Promise<string> {
    if (!this.#isOpen)
      throw new ProcessError(
        'ASK_LOST',
        `command '${name}' came when its process was not there yet, or leaves`,
      );
    const handler = bind(this.#find(name, role), this.#container);
    this.#running++;
    try {
      const answer = await this.invoker.ask(handler, unpackCommandData(data));
      return packCommandData(answer, `the answer of ${handler.label} to command '${name}'`);
    } catch (error) {
      // The same for whoever asks, be it this very process.
      throw fromWire(toWire(error));
    } finally {
      if (--this.#running === 0) this.#onIdle?.();
    }
  }

  #find(name: string, role: RoleName): HandlerSpec {
    const here = this.definition.handlers.filter(
      (spec) => spec.event === 'command' && runsIn(spec, role, this.process),
    );
    const found = here.find(({ command }) => command?.name === name);
    if (found !== undefined) return found;
    const known = here.map(({ command }) => `'${command?.name}'`).join(', ');
    throw new ProcessError(
      'COMMAND_UNKNOWN',
      `there is no command '${name}' there; ${known === '' ? 'there is none' : `there are ${known}`}`,
    );
  }
}
