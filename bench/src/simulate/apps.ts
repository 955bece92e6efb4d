/**
 * The applications that are simulated: an echo of lines in process mode, with
 * one reactor thread, two workers and no task workers. Beside the master there
 * are a manager and two workers, each with a container and objects of its own.
 */
import { type Connection, delimiter, tcp } from '@shoal/core';
import {
  Handler,
  Injectable,
  OnConnect,
  OnReceive,
  ServerConfig,
  type ServerOptions,
} from '@shoal/decorators';

/** Something to inject, as every application has. */
@Injectable()
class Meter {
  connections = 0;
  messages = 0;
}

@Handler()
class Echo {
  constructor(private readonly meter: Meter) {}

  @OnConnect()
  connected(): void {
    this.meter.connections++;
  }

  @OnReceive()
  line(connection: Connection, line: Buffer): void {
    this.meter.messages++;
    connection.send(line);
  }
}

@Handler()
class AwaitingEcho {
  constructor(private readonly meter: Meter) {}

  @OnReceive()
  async line(connection: Connection, line: Buffer): Promise<void> {
    await this.count();
    connection.send(line);
  }

  private async count(): Promise<void> {
    this.meter.messages++;
  }
}

function options(handler: NonNullable<ServerOptions['handlers']>[number]): ServerOptions {
  return {
    mode: 'process',
    reactorNum: 1,
    workerNum: 2,
    taskWorkerNum: 0,
    logLevel: 'warn',
    listeners: [tcp({ port: 0, host: '127.0.0.1', framing: delimiter('\n') })],
    handlers: [handler],
  };
}

@ServerConfig(() => options(Echo))
export class EchoApp {}

@ServerConfig(() => options(AwaitingEcho))
export class AwaitingEchoApp {}
