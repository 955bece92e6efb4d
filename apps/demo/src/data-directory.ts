import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where rollups and their queue are: `TALLY_DATA`, else where the system has the state of a service or of this user. */
export function dataDirectory(): string {
  const { TALLY_DATA, STATE_DIRECTORY, XDG_STATE_HOME } = process.env;
  return TALLY_DATA || join(STATE_DIRECTORY || XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'tally');
}
