/**
 * Every error that Shoal raises. The class says who must act, the code says
 * what happened. `docs/errors.md` has an entry for each code and exit code, and
 * a test compares both.
 */

export type ConfigErrorCode =
  | 'CONFIG_INVALID'
  | 'CONFIG_LISTENER_WITHOUT_HANDLER'
  | 'CONFIG_UNKNOWN_LISTENER'
  | 'CONFIG_UNKNOWN_WORKER'
  | 'CONFIG_DUPLICATE_HANDLER'
  | 'CONFIG_HANDLER_NEVER_RUNS'
  | 'CONFIG_SCOPE'
  | 'CONFIG_NOT_A_SERVER'
  | 'CONFIG_DEPENDENCY'
  | 'CONFIG_FRAMING_MODULE'
  | 'CONFIG_DISPATCH_MODULE'
  | 'CONFIG_PROCESS_MODULE'
  | 'CONFIG_RUNTIME_DIRECTORY'
  | 'CONFIG_LOG_FILE'
  | 'CONFIG_TASK_TMPDIR'
  | 'CONFIG_PID_FILE'
  | 'CONFIG_USER'
  | 'CONFIG_ACTIVATION'
  | 'CONFIG_QUEUE_DIRECTORY'
  | 'CONFIG_WRONG_ORDER'
  | 'CONFIG_PLATFORM';

export type ProtocolErrorCode =
  | 'PACKET_TOO_LONG'
  | 'PACKET_LENGTH_INVALID'
  | 'FRAMING_FAILED'
  | 'OUTPUT_OVERFLOW'
  | 'INPUT_OVERFLOW'
  | 'HEARTBEAT_TIMEOUT'
  | 'IDLE_TIMEOUT'
  | 'PARTIAL_PACKET_TIMEOUT'
  | 'CONNECTION_LIMIT'
  | 'ADDRESS_LIMIT'
  | 'CONNECT_RATE'
  | 'PACKET_POISON'
  | 'TLS_HANDSHAKE_FAILED'
  | 'TLS_HANDSHAKE_TIMEOUT'
  | 'PROXY_HEADER_INVALID'
  | 'PROXY_HEADER_TIMEOUT'
  | 'PROXY_SOURCE_UNTRUSTED'
  | 'ENTRANCE_FULL';

export type HandlerErrorCode =
  | 'STATE_TOO_LARGE'
  | 'STATE_NOT_CLONEABLE'
  | 'STATE_NOT_KEPT'
  | 'SEND_INVALID'
  | 'GROUP_INVALID'
  | 'UID_INVALID'
  | 'STREAM_REFUSED'
  | 'SENDTO_INVALID'
  | 'SEND_REFUSED'
  | 'SEND_FILE_FAILED'
  | 'TIMER_INVALID'
  | 'HANDLER_TIMEOUT'
  | 'CONNECTION_CLOSED'
  | 'CONNECTION_MOVED';

export type ProcessErrorCode =
  | 'LISTEN_FAILED'
  | 'BOOT_FAILED'
  | 'BOOT_TIMEOUT'
  | 'PIPE_BROKEN'
  | 'PIPE_REFUSED'
  | 'NOT_IN_THIS_ROLE'
  | 'SHUTTING_DOWN'
  | 'ASK_TIMEOUT'
  | 'ASK_LOST'
  | 'ASK_UNKNOWN'
  | 'ASK_OVERFLOW'
  | 'RELOAD_RUNNING'
  | 'RELOAD_FAILED'
  | 'NO_SUCH_WORKER'
  | 'NO_MESSAGE_HANDLER'
  | 'MESSAGE_TOO_LONG'
  | 'NO_SUCH_PROCESS'
  | 'COMMAND_UNKNOWN'
  | 'COMMAND_INVALID'
  | 'COMMAND_TOO_LONG'
  | 'COMMAND_OVERFLOW'
  | 'NOT_SUPPORTED'
  | 'CONTROL_FULL'
  | 'REACTOR_DIED'
  | 'QUEUE_DAMAGED';

export type TaskErrorCode =
  | 'TASK_NO_WORKERS'
  | 'TASK_NO_HANDLER'
  | 'TASK_TOO_LONG'
  | 'TASK_QUEUE_FULL'
  | 'TASK_WORKER_LOST'
  | 'TASK_TIMEOUT'
  | 'TASK_INPUT_INVALID'
  | 'TASK_OUTPUT_INVALID'
  | 'TASK_STORE_FAILED'
  | 'TASK_QUEUE_CLOSED'
  | 'TASK_LOST'
  | 'TASK_SPOOL_FAILED'
  | 'TASK_DEAD'
  | 'TASK_NO_QUEUE'
  | 'TASK_TARGET_INVALID'
  | 'TASK_OPTION_INVALID';

export type ErrorCode =
  ConfigErrorCode | ProtocolErrorCode | HandlerErrorCode | ProcessErrorCode | TaskErrorCode;

/** Exit codes of Shoal processes. 64 and above keep clear of what shells and Node use. */
export const ExitCode = {
  /** Stopped as asked. */
  ok: 0,
  /** An exception or rejection that nobody caught ended this worker. */
  uncaught: 70,
  /** The worker could not boot: its module, container or `@OnWorkerStart` failed. */
  bootFailed: 71,
  /** A listener could not be bound. */
  listenFailed: 72,
  /** The server gave up, because its workers cannot boot. */
  gaveUp: 73,
  /** The process that supervised this one is gone. */
  orphaned: 74,
  /** A process of the framework itself (reactor, pipe) failed. */
  internal: 75,
  /** The configuration is not valid. */
  config: 78,
} as const;

/** What carries an error across a process boundary. */
export interface WireError {
  readonly name: string;
  readonly code?: string;
  readonly message: string;
  readonly stack?: string;
  readonly cause?: WireError;
}

abstract class ShoalError<Code extends ErrorCode> extends Error {
  constructor(
    readonly code: Code,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The operator must act: a setting, a handler or a dependency is wrong. The server does not start. */
export class ConfigError extends ShoalError<ConfigErrorCode> {}
/** The peer is at fault: its connection is closed, nothing else is touched. */
export class ProtocolError extends ShoalError<ProtocolErrorCode> {}
/** The application's handler is at fault. */
export class HandlerError extends ShoalError<HandlerErrorCode> {}
/** A process of the server failed or cannot do what was asked. */
export class ProcessError extends ShoalError<ProcessErrorCode> {}

/** Whoever posted a task must act: it was not accepted, or it cannot be done. */
export class TaskError extends ShoalError<TaskErrorCode> {}

/** Causes beyond this depth are left out: they may form a circle. */
const MAX_CAUSES = 8;
/** Characters of a message or a stack that travel; it ends in the logs and the memory of other processes. */
const MAX_TEXT = 65_536;

/** Of whatever was thrown; it never throws itself, although fields may be anything, and getters that throw. */
export function toWire(error: unknown, depth = 0): WireError {
  if (!isError(error)) return { name: 'Error', message: cut(textOf(error)) };
  const name = fieldOf(error, 'name');
  const message = fieldOf(error, 'message');
  const code = fieldOf(error, 'code');
  const stack = fieldOf(error, 'stack');
  const cause = depth < MAX_CAUSES ? fieldOf(error, 'cause') : undefined;
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: cut(textOf(message)),
    ...(typeof code === 'string' && { code }),
    ...(typeof stack === 'string' && { stack: cut(stack) }),
    ...(cause !== undefined && { cause: toWire(cause, depth + 1) }),
  };
}

function isError(thrown: unknown): thrown is Error {
  try {
    return thrown instanceof Error;
  } catch {
    return false;
  }
}

function fieldOf(error: Error, field: 'name' | 'message' | 'code' | 'stack' | 'cause'): unknown {
  try {
    return (error as Error & { code?: unknown })[field];
  } catch {
    return undefined;
  }
}

function cut(text: string): string {
  if (text.length <= MAX_TEXT) return text;
  return `${text.slice(0, MAX_TEXT)}… and ${text.length - MAX_TEXT} characters more`;
}

/** What was thrown, when it is no error; an object without a prototype has no text of its own. */
function textOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return `an ${typeof thrown} without a text of its own`;
  }
}

/** An error as it was in the other process: name, code, stack and cause are kept; match it by `code`. */
export function fromWire(wire: WireError): Error & { code?: string } {
  const error: Error & { code?: string } = new Error(
    wire.message,
    wire.cause === undefined ? undefined : { cause: fromWire(wire.cause) },
  );
  error.name = wire.name;
  if (wire.stack !== undefined) error.stack = wire.stack;
  if (wire.code !== undefined) error.code = wire.code;
  return error;
}

/** The exit code that an error at start, or one that ends the server, means. */
export function exitCodeOf(error: unknown): number {
  const code = codeOf(error);
  if (code.startsWith('CONFIG_')) return ExitCode.config;
  if (code === 'SHUTTING_DOWN') return ExitCode.ok;
  if (code === 'LISTEN_FAILED') return ExitCode.listenFailed;
  if (code === 'BOOT_FAILED' || code === 'BOOT_TIMEOUT') return ExitCode.gaveUp;
  return ExitCode.internal;
}

/** The code of an error, also of one that came from another process; empty when it has none. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : '';
}

/** The system's error with the listener's name and place, which it lacks. */
export function listenFailed(name: string, place: string, cause: unknown): ProcessError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ProcessError('LISTEN_FAILED', `listener ${name} cannot listen on ${place}: ${reason}`, {
    cause,
  });
}
