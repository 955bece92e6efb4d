import { Connection, Logger, Server, delimiter, tcp } from '@shoal/core';
import { After, Handler, OnReceive, ServerConfig, Tick } from '@shoal/decorators';

/** One of the workers is on watch; what is done once is done by that one. */
@Handler()
class Watch {
  constructor(
    private readonly server: Server,
    private readonly logger: Logger,
  ) {}

  /** Still runs in many a moment at which its worker has to leave. */
  @Tick(10, { on: 'one' }) async round() {
    this.logger.info('round begins');
    await new Promise((resolve) => this.server.after(6, resolve));
    this.logger.info('round ends');
  }

  @After(150, { on: 'one' }) open() {
    this.logger.info('opened');
  }

  /** No worker lives long enough. */
  @After('1h', { on: 'one' }) close() {
    this.logger.info('closed');
  }

  /** Who asks gets the id of the worker, so that a test knows whom it has asked. */
  @OnReceive line(connection: Connection) {
    connection.send(`${this.server.workerId}\n`);
  }
}

@ServerConfig({
  mode: 'process',
  reactorNum: 1,
  workerNum: 2,
  taskWorkerNum: 1,
  bakeTime: 0,
  listeners: [tcp({ name: 'lines', host: '127.0.0.1', port: 0, framing: delimiter('\n', { strip: true }) })],
  handlers: [Watch],
})
export class WatchApp {}
