import { fork } from 'node:child_process';
import { closeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ProcessError, fromWire } from '../../errors.js';
import type { BoundListener, ListenOptions } from '../platform.js';
import type { BindAnswer } from './binder.js';
import { BoundSocket, type BareHandle } from './bound-socket.js';
import { SocketFile } from './socket-file.js';

const binder = fileURLToPath(new URL('binder.js', import.meta.url));

/**
 * Has a process of its own bind the socket, because whoever binds with Node also
 * accepts. That process leaves in the turn in which it has sent the socket here,
 * so that clients who are early wait in the backlog instead of being lost.
 */
export function bindInChild(options: ListenOptions): Promise<BoundListener> {
  const { descriptor } = options;
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void =>
      reject(new ProcessError('LISTEN_FAILED', `cannot bind ${placeOf(options)}: ${reason}`));
    const child = fork(binder, [], {
      execArgv: [],
      env: plainEnvironment(),
      // A socket that was passed is the fifth descriptor there.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc', ...(descriptor === undefined ? [] : [descriptor])],
    });
    // The child has its own, and what comes back is another.
    if (descriptor !== undefined) closeSync(descriptor);
    child.on('error', reject);
    child.once('message', (answer: BindAnswer, handle: unknown) => {
      if ('error' in answer) reject(fromWire(answer.error));
      else if (handle === undefined) fail('this process has too many open files to receive the socket');
      else {
        const file = 'path' in options && descriptor === undefined ? SocketFile.at(options.path) : undefined;
        resolve(new BoundSocket(answer.endpoint, handle as BareHandle, file));
      }
    });
    // What the child has sent comes before the end of its channel.
    child.once('disconnect', () => fail('the process that binds died'));
    const request: ListenOptions = descriptor === undefined ? options : { ...options, descriptor: 4 };
    child.send(request, () => {});
  });
}

function placeOf(options: ListenOptions): string {
  return 'path' in options ? options.path : `${options.host}:${options.port}`;
}

/** The user's loaders and the debugger have no business in there. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...environment } = process.env;
  return environment;
}
