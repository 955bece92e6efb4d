import { Logger, Server } from '@shoal/core';
import { Injectable } from '@shoal/decorators';

const PAUSE_MS = 100;

/**
 * Asks another process until it answers. It may die before it has, and then there
 * is one after it; so what is asked may be done twice.
 */
@Injectable()
export class Inquiries {
  constructor(
    private readonly server: Server,
    private readonly logger: Logger,
  ) {}

  async ask<Answer>(process: number | string, question: object): Promise<Answer> {
    for (;;) {
      try {
        return await this.server.ask<Answer>(process, question, { timeout: 0 });
      } catch (error) {
        this.logger.warn(`process ${process} has not answered, and is asked again`, { error });
        await new Promise((resolve) => this.server.after(PAUSE_MS, resolve));
      }
    }
  }
}
