/** What pinning asks of a connection, and how the handler of a stream is run. */
import { HandlerError } from '../errors.js';
import type { BoundHandler } from '../events/bound-handler.js';
import type { Invoker } from '../events/invoke.js';
import type { ConnectionStream } from './connection-stream.js';

/** Why a connection cannot be served as a stream; undefined if it can. */
export function pinRefusal(
  { name, framing }: { readonly name: string; readonly framing: string },
  sticky: boolean,
  moved: boolean,
): HandlerError | undefined {
  const refuse = (why: string): HandlerError =>
    new HandlerError('STREAM_REFUSED', `connection.toDuplex() on listener ${name}: ${why}`);
  if (!sticky)
    return refuse(
      "it needs a dispatch mode that serves a connection in one worker, such as dispatchMode: 'fixed'",
    );
  if (framing !== 'raw')
    return refuse(
      `its framing is '${framing}', and a stream needs the bytes as they come: set framing: raw()`,
    );
  return moved ? refuse('another worker serves the connection by now') : undefined;
}

/**
 * Gives the handler the stream, and settles when it has been called: what it does
 * later is its own affair. If that fails, it is told like any failed handler, and
 * the stream is destroyed.
 */
export function streamHandler(
  handler: BoundHandler,
  stream: ConnectionStream,
  invoker: Invoker,
): BoundHandler {
  const fail = (error: unknown): void => {
    stream.destroy();
    invoker.report(handler.label, handler.event, error);
  };
  const run = (connection: unknown): void => {
    try {
      Promise.resolve(handler.run(stream, connection)).catch(fail);
    } catch (error) {
      fail(error);
    }
  };
  return { ...handler, run };
}
