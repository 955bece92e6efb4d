import { toWire } from '../errors.js';
import { FrameFlag, FrameKind, type FileRequest, type Settlement } from '../pipe/messages.js';
import type { Reactor } from './reactor.js';
import type { Tell } from './tell.js';

/** Who wants something of a client, at the other end of a pipe. */
export interface Asker {
  readonly pid: number;
  settle(seq: number, how: Settlement): void;
  /** Tells why number `seq` cannot be done; its settlement follows. */
  fail(connectionId: number, seq: number, error: Buffer): void;
}

/**
 * What any process may want of any client, whether it serves the connection or
 * not: sends that tell, files, reading. False for a frame that is none of these.
 */
export function takeRequest(
  reactor: Reactor,
  asker: Asker,
  kind: number,
  flags: number,
  id: number,
  seq: number,
  buffer: Buffer,
  start: number,
  end: number,
): boolean {
  if (kind === FrameKind.read) {
    reactor.connection(id)?.read((flags & FrameFlag.pause) !== 0);
    return true;
  }
  if (kind !== FrameKind.sendFile && (kind !== FrameKind.send || (flags & FrameFlag.tells) === 0))
    return false;
  const connection = reactor.connection(id);
  const tell: Tell = (how, error) => {
    if (error !== undefined) asker.fail(id, seq, Buffer.from(JSON.stringify(toWire(error))));
    asker.settle(seq, how);
  };
  if (connection === undefined) tell('discarded');
  else if (kind === FrameKind.send) connection.sendAndTell(buffer, start, end, asker.pid, tell);
  else connection.sendFile(JSON.parse(buffer.toString('utf8', start, end)) as FileRequest, tell);
  return true;
}
