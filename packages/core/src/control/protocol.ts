/**
 * What goes over the control socket: one JSON object a line, both ways.
 *
 *   server → client   greeting                  once, before anything else
 *   client → server   { id, question }          any number, answered in any order
 *   server → client   { id, progress }          any number, before the answer
 *                     { id, answer } or { id, error }
 *
 * The socket lies in the server's own runtime directory, mode 0700, so that
 * only its user can speak to it.
 */
import type { WireError } from '../errors.js';
import type { Question, ReloadProgress } from '../pipe/questions.js';
import type { Invocation } from '../platform/platform.js';

/** The name of the socket in the runtime directory. */
export const controlSocketName = 'control.sock';

/** Number of this protocol. A client leaves when it reads another one. */
export const controlProtocol = 1;

export const controlLimits = {
  clients: 16,
  /** Bytes of one request, without its line feed. */
  requestBytes: 64 * 1024,
  /** Requests of one client that are not answered. */
  pendingRequests: 64,
  /** Bytes that wait for a client; with so many it is dropped before it is sent more. */
  waitingBytes: 1024 * 1024,
} as const;

export interface Greeting {
  readonly shoal: number;
  readonly name: string;
  readonly pid: number;
  /** The version of Shoal. */
  readonly version: string;
  /** How to start this server again. */
  readonly program: Invocation;
}

/** In place of the greeting, to a client beyond the limit. */
export interface Rejection {
  readonly shoal: number;
  readonly error: WireError;
}

export interface ControlRequest {
  readonly id: number;
  readonly question: Question;
}

export type ControlReply =
  /** As `Answers` has it for the question. */
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly error: WireError }
  | { readonly id: number; readonly progress: ReloadProgress };
