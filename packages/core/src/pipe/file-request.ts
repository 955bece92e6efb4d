import { HandlerError } from '../errors.js';
import type { FileRequest } from './messages.js';

/** Bytes of a path; the system takes no more either. */
const LONGEST_PATH = 4_096;

/** A part of a file. */
export interface SendFileOptions {
  /** Bytes of the file that are left out at its beginning. Default 0. */
  readonly offset?: number;
  /** Bytes that are sent; 0, the default, is all from `offset` on, as the file is when its turn comes. */
  readonly length?: number;
}

/** Throws `HandlerError` SEND_INVALID. */
export function fileRequest(path: string, { offset = 0, length = 0 }: SendFileOptions = {}): FileRequest {
  const isPath = typeof path === 'string' && path !== '' && !path.includes('\0');
  if (!isPath || Buffer.byteLength(path) > LONGEST_PATH)
    throw invalid(`a path of 1 to ${LONGEST_PATH} bytes, not ${JSON.stringify(path)?.slice(0, 100)}`);
  for (const [name, value] of Object.entries({ offset, length }))
    if (!Number.isSafeInteger(value) || value < 0)
      throw invalid(`a whole number of bytes from 0 as ${name}, not ${String(value)}`);
  return { path, offset, length };
}

function invalid(what: string): HandlerError {
  return new HandlerError('SEND_INVALID', `sendFile takes ${what}`);
}
