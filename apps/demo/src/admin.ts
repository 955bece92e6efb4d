/**
 * The admin port: one command a line. Any worker takes it. Commands about metrics
 * go to the keeper, after all workers have flushed, so that what was sent before
 * is in the answer; those about the server are carried out here.
 *
 * Nobody logs in: whoever comes from another address than those of
 * `TALLY_ADMIN_ALLOW` is turned away before anything of it is read.
 */
import { Logger, Server, tcp, type Connection, type delimiter } from '@shoal/core';
import { Handler, OnConnect, OnReceive } from '@shoal/decorators';
import { Addresses } from './addresses.js';
import type { Command } from './console.js';
import { Inquiries } from './inquiries.js';
import { RemoteControl } from './remote-control.js';
import { Shares } from './shares.js';

/** The port on which commands come: this machine alone may give them, unless the environment says otherwise. */
export function adminListener(framing: ReturnType<typeof delimiter>): ReturnType<typeof tcp> {
  // A list that does not hold stops the start, and not each worker.
  allowedAddresses();
  return tcp({
    name: 'admin',
    host: process.env.TALLY_ADMIN_HOST || '127.0.0.1',
    port: Number(process.env.TALLY_ADMIN_PORT || 8126),
    framing,
  });
}

function allowedAddresses(): Addresses {
  return new Addresses('TALLY_ADMIN_ALLOW', process.env.TALLY_ADMIN_ALLOW || '127.0.0.1,::1');
}

@Handler()
export class Admin {
  readonly #allowed = allowedAddresses();

  constructor(
    private readonly server: Server,
    private readonly logger: Logger,
    private readonly inquiries: Inquiries,
    private readonly shares: Shares,
    private readonly control: RemoteControl,
  ) {}

  @OnConnect({ listener: 'admin' })
  admit(connection: Connection): void {
    if (this.#allowed.includes(connection.remoteAddress)) return;
    this.logger.warn(`turned ${connection.remoteAddress} away from the admin port`);
    connection.close({ reset: true });
  }

  @OnReceive({ listener: 'admin' })
  async command(connection: Connection, line: Buffer): Promise<void> {
    const [command = '', ...words] = line.toString().trim().split(/\s+/);
    if (command === 'quit') {
      connection.close();
      return;
    }
    const answer = await this.control.answer(command, words);
    connection.send(answer ?? (await this.#answerOfKeeper(command, words)));
  }

  async #answerOfKeeper(command: string, words: readonly string[]): Promise<string> {
    await this.#flushAll();
    const question: Command = { kind: 'command', command, words };
    return this.inquiries.ask<string>('keeper', question);
  }

  async #flushAll(): Promise<void> {
    const { workerId, setting } = this.server;
    const workers = Array.from({ length: setting.workerNum }, (_, id) => id);
    await Promise.all(
      workers.map(async (id) => (id === workerId ? this.shares.flush() : this.inquiries.ask(id, {}))),
    );
  }
}
