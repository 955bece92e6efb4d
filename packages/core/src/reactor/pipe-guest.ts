import { FrameFlag, FrameKind, type Settlement } from '../pipe/messages.js';
import type { Pipe, PipeEvents } from '../pipe/pipe.js';
import type { Delivery } from './delivery.js';
import { takeRequest, type Asker } from './client-requests.js';
import type { Reactor } from './reactor.js';

/**
 * A process of the server that serves no connection, at the other end of a pipe:
 * a task worker, a user process, the manager or the master. It gets no events; it
 * may send to connections, stop and start their reading, end them, order and
 * request (see `pipe/orders.ts`), and whatever else it says is not heard.
 *
 * A frame comes whole or not at all, however large: a guest that dies amid a send
 * leaves nothing of it.
 */
export class PipeGuest implements Asker, PipeEvents<Delivery> {
  constructor(
    readonly pid: number,
    private readonly pipe: Pipe<Delivery>,
    private readonly reactor: Reactor,
  ) {}

  frame(
    kind: number,
    flags: number,
    aux: number,
    id: number,
    seq: number,
    _word: number,
    count: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    if (takeRequest(this.reactor, this, kind, flags, id, seq, buffer, start, end)) return;
    if (kind === FrameKind.send) {
      this.reactor.connection(id)?.send(buffer, start, end, this.pid);
      this.pipe.settle(seq);
    } else if (kind === FrameKind.sendTo) {
      this.reactor.datagrams.sendFrame(aux, count, buffer, start, end, this.pid);
      this.pipe.settle(seq);
    } else if (kind === FrameKind.end) {
      this.reactor.end(id, (flags & FrameFlag.reset) !== 0);
    } else if (kind === FrameKind.order) {
      this.reactor.desk.order(count, buffer, start, end, this.pid);
      this.pipe.settle(seq);
    } else if (kind === FrameKind.request) {
      this.pipe.control(FrameKind.response, 0, id, seq, this.reactor.desk.request(buffer, start, end));
    }
  }

  settle(seq: number, how: Settlement): void {
    this.pipe.settle(seq, how);
  }

  fail(connectionId: number, seq: number, error: Buffer): void {
    this.pipe.control(FrameKind.sendFile, 0, connectionId, seq, error);
  }

  settled(): void {}
  turn(): void {}
  drained(): void {}
  closed(): void {}
}
