/**
 * The admin port: one command a line. Any worker takes it, has all workers flush,
 * so that what was sent before is in the answer, and asks the keeper.
 */
import { Server, type Connection } from '@shoal/core';
import { Handler, OnReceive } from '@shoal/decorators';
import type { Command } from './console.js';
import { Inquiries } from './inquiries.js';
import { Shares } from './shares.js';

@Handler()
export class Admin {
  constructor(
    private readonly server: Server,
    private readonly inquiries: Inquiries,
    private readonly shares: Shares,
  ) {}

  @OnReceive({ listener: 'admin' })
  async command(connection: Connection, line: Buffer): Promise<void> {
    const [command = '', ...words] = line.toString().trim().split(/\s+/);
    if (command === 'quit') {
      connection.close();
      return;
    }
    await this.#flushAll();
    const question: Command = { kind: 'command', command, words };
    connection.send(await this.inquiries.ask<string>('keeper', question));
  }

  async #flushAll(): Promise<void> {
    const { workerId, setting } = this.server;
    const workers = Array.from({ length: setting.workerNum }, (_, id) => id);
    await Promise.all(
      workers.map(async (id) => (id === workerId ? this.shares.flush() : this.inquiries.ask(id, {}))),
    );
  }
}
