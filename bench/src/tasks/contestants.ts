/** Those that do the tasks of the benchmark, each in a process of its own. */
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { Program } from '../harness/program.js';
import type { Outcome, Turn } from './cases.js';

const START_MS = 20_000;
/** Beyond the duration of a turn. */
const TURN_GRACE_MS = 20_000;

export interface Contestant {
  readonly name: string;
  readonly pid: number;
  play(turn: Turn): Promise<Outcome>;
  leave(): Promise<void>;
}

/** A server of ours, whose worker does what a line of its client says. */
export async function startShoal(name = 'shoal', args: readonly string[] = []): Promise<Contestant> {
  const program = new Program(name, new URL('./shoal-server.js', import.meta.url), args);
  const port = await program.next('port', START_MS, (message) => (message as { port?: number }).port);
  const socket = connect(port, '127.0.0.1');
  return {
    name,
    pid: program.pid,
    play: async (turn) => {
      socket.write(`${JSON.stringify(turn)}\n`);
      return JSON.parse(await nextLine(socket, turn.duration + TURN_GRACE_MS)) as Outcome;
    },
    leave: async () => {
      socket.destroy();
      await program.leave();
    },
  };
}

/** Two servers whose tasks go through a queue, in directories of their own below `parent`. */
export async function startDurable(parent: string): Promise<readonly Contestant[]> {
  return [
    await startShoal('interval', ['interval', join(parent, 'interval')]),
    await startShoal('sync', ['sync', join(parent, 'sync')]),
  ];
}

export async function startPiscina(): Promise<Contestant> {
  const program = new Program('piscina', new URL('./piscina-program.js', import.meta.url), []);
  await program.next('start', START_MS, (message) => (message as { ready?: true }).ready);
  return {
    name: 'piscina',
    pid: program.pid,
    play: async (turn) => {
      program.send(turn);
      return program.next(
        'outcome',
        turn.duration + TURN_GRACE_MS,
        (message) => (message as { outcome?: Outcome }).outcome,
      );
    },
    leave: async () => program.leave(),
  };
}

async function nextLine(socket: Socket, deadline: number): Promise<string> {
  let text = '';
  return new Promise((resolve, reject) => {
    const settle = (run: () => void): void => {
      clearTimeout(timer);
      socket.off('data', read);
      socket.off('error', reject);
      run();
    };
    const late = (): void => settle(() => reject(new Error(`no answer within ${deadline} ms`)));
    const timer = setTimeout(late, deadline);
    const read = (chunk: Buffer): void => {
      text += chunk.toString();
      if (text.endsWith('\n')) settle(() => resolve(text));
    };
    socket.on('data', read);
    socket.once('error', reject);
  });
}
