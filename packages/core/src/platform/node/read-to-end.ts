import type { Socket } from 'node:net';

/**
 * Lets a unix socket be read to its end after a write to it has failed.
 *
 * A write fails because the peer is gone, and what that had written is still
 * there. Node closes the socket at once and drops it: the last answers and the
 * goodbye of a worker that has left in order, which would be taken for a death.
 * So the failure waits until the end has been read, or somebody destroys the
 * socket. A stream that has failed takes nothing in; what would be pushed into it
 * goes to `data`.
 */
export function readToEnd(socket: Socket, data: (chunk: Buffer) => void, onFailedWrite: () => void): void {
  const destroy = socket.destroy.bind(socket);
  const push = socket.push.bind(socket);
  let failure: Error | undefined;
  let ended = false;
  socket.destroy = (error?: Error) => {
    if (failure !== undefined || ended || !isFailedWrite(error)) return destroy(failure ?? error);
    failure = error;
    onFailedWrite();
    return socket;
  };
  socket.push = (chunk: Buffer | null) => {
    if (chunk === null) ended = true;
    if (failure === undefined) return push(chunk);
    if (chunk === null) destroy(failure);
    else data(chunk);
    return true;
  };
}

function isFailedWrite(error: NodeJS.ErrnoException | undefined): error is NodeJS.ErrnoException {
  return error?.syscall === 'write';
}
