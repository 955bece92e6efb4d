import { Socket, type OnReadOpts, type SocketConstructorOpts } from 'node:net';
import type { Chunks } from '../platform.js';
import { receiver, type ReceivingSocket } from './socket-receiver.js';

/** What one read may bring, in bytes; Node itself reads as much at once. */
const READ_BYTES = 64 * 1024;
/** Where chunks are only lent they may be larger, for nobody keeps one: as much as a unix socket holds. */
const LENT_READ_BYTES = 256 * 1024;

/** Where every socket of this thread reads into. What was read is used, or copied out, before the next read. */
const scratch = Buffer.allocUnsafeSlow(READ_BYTES);
let lentScratch: Buffer | undefined;

interface WithHandle {
  _handle: object | null;
}

/**
 * Reads into memory of ours.
 *
 * Node allots 64 KiB for every read and cuts them to size afterwards, and hands
 * the bytes over through a readable stream; under small messages that costs as
 * much as the handlers. `onread` avoids both, and only a socket that is made
 * with it has it.
 */
export function readingFor(chunks: Chunks): OnReadOpts {
  return chunks === 'lent' ? lending() : owning;
}

/** Node calls it on the socket, whose receiver is there before the first turn of the event loop is over. */
const owning: OnReadOpts = {
  buffer: scratch,
  callback(this: unknown, bytes: number) {
    (this as ReceivingSocket)[receiver]?.received(copyOf(bytes));
    return true;
  },
};

function lending(): OnReadOpts {
  const buffer = (lentScratch ??= Buffer.allocUnsafeSlow(LENT_READ_BYTES));
  return {
    buffer,
    callback(this: unknown, bytes: number) {
      (this as ReceivingSocket)[receiver]?.received(buffer.subarray(0, bytes));
      return true;
    },
  };
}

/**
 * Puts an accepted socket behind one that reads into memory of ours: it gives its
 * handle to a new one. The server must accept with `pauseOnConnect`, else the
 * first bytes may be lost.
 *
 * The handle is a member that Node does not document. Where it is missing, or
 * the socket is gone already, the socket stays as it is.
 */
export function readInPlace(
  accepted: Socket,
  chunks: Chunks = 'own',
): { readonly socket: Socket; readonly readsInPlace: boolean } {
  const handle = (accepted as unknown as Partial<WithHandle>)._handle;
  if (handle === undefined || handle === null || accepted.destroyed)
    return { socket: accepted, readsInPlace: false };
  (accepted as unknown as WithHandle)._handle = null;
  const options = {
    handle,
    readable: true,
    writable: true,
    allowHalfOpen: true,
    onread: readingFor(chunks),
  };
  return { socket: new Socket(options as unknown as SocketConstructorOpts), readsInPlace: true };
}

/** Small chunks share slabs of 8 KiB, as everywhere in Node. */
function copyOf(bytes: number): Buffer {
  const chunk = bytes < Buffer.poolSize >>> 1 ? Buffer.allocUnsafe(bytes) : Buffer.allocUnsafeSlow(bytes);
  scratch.copy(chunk, 0, 0, bytes);
  return chunk;
}
