/**
 * The process that has the totals. It answers a share only when a rollup which
 * has it in was accepted by the queue: from there it survives every process.
 *
 *     share ──▶ totals ──▶ rollup ──▶ queue accepts ──▶ the worker settles its lines
 *                                          └──▶ task worker ──▶ file
 *
 * A keeper that comes after another begins with the last rollup. It asks for it
 * by a task in the same line as all rollups: when that is done, so are those
 * that were accepted before. What had not been accepted comes again from the
 * workers, and a share that comes again although it is in is known by its number.
 */
import { Server, type PipeMessage } from '@shoal/core';
import { OnPipeMessage, Process, Tick } from '@shoal/decorators';
import { answerOf, type Command } from './console.js';
import { GroupCommit } from './group-commit.js';
import type { Rollup } from './rollup.js';
import type { Share } from './share.js';
import { Totals } from './totals.js';

@Process('keeper')
export class Keeper {
  #totals = new Totals();
  #keeper = 0;
  #rollups = 0;
  #restored: Promise<void> | undefined;
  readonly #commits = new GroupCommit(async () => this.#post());

  constructor(private readonly server: Server) {}

  async run(): Promise<void> {
    await this.#ready();
  }

  @OnPipeMessage
  async take({ data }: PipeMessage<Share | Command>): Promise<string | undefined> {
    await this.#ready();
    if (data.kind === 'share') {
      this.#totals.add(data);
      await this.#commits.commit();
      return undefined;
    }
    const answer = answerOf(this.#totals, data);
    if (data.words.length > 0) await this.#commits.commit();
    return answer;
  }

  @Tick('1s')
  second(): void {
    this.#totals.tick();
  }

  async #ready(): Promise<void> {
    return (this.#restored ??= this.#restore());
  }

  async #restore(): Promise<void> {
    const last = await this.server.taskWait<Rollup | undefined>(null, { name: 'last', dst: 0 });
    this.#totals = new Totals(last?.totals);
    this.#keeper = Math.max(Date.now(), (last?.keeper ?? 0) + 1);
  }

  async #post(): Promise<void> {
    const rollup: Rollup = {
      keeper: this.#keeper,
      number: ++this.#rollups,
      time: new Date().toISOString(),
      totals: this.#totals.snapshot(),
    };
    await this.server.enqueue(rollup, { name: 'rollup', dst: 0 });
  }
}
