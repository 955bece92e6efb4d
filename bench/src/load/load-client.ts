import { Program } from '../harness/program.js';
import type { EchoLoad, FromClient, LoadFigures, ToClient } from './messages.js';

/** What the client may take beside the time that it was given, in ms. */
const GRACE_MS = 20_000;

/** The load client, seen from the benchmark. */
export class LoadClient {
  readonly #program = new Program('the load client', new URL('./client.js', import.meta.url), []);

  get pid(): number {
    return this.#program.pid;
  }

  /** Rejects when the server does not send back what it got. */
  async check(load: EchoLoad): Promise<void> {
    this.#send({ type: 'check', load });
    await this.#next(GRACE_MS, (message) => message.type === 'checked' || undefined);
  }

  /** Loads a server; `began` and `ended` are called where the measured time begins and ends. */
  async run(
    load: EchoLoad,
    warmUp: number,
    duration: number,
    began: () => void,
    ended: () => void,
  ): Promise<LoadFigures> {
    this.#send({ type: 'run', load, warmUp, duration });
    let figures: LoadFigures | undefined;
    return this.#next(warmUp + duration + GRACE_MS, (message) => {
      if (message.type === 'began') began();
      if (message.type === 'ended') {
        ended();
        figures = message.figures;
      }
      return message.type === 'done' ? figures : undefined;
    });
  }

  async leave(): Promise<void> {
    await this.#program.leave();
  }

  #send(message: ToClient): void {
    this.#program.send(message);
  }

  async #next<Value>(deadline: number, pick: (message: FromClient) => Value | undefined): Promise<Value> {
    return this.#program.next('answer', deadline, (received) => {
      const message = received as FromClient;
      if (message.type === 'failed') throw new Error(message.reason);
      return pick(message);
    });
  }
}
