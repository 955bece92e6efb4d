import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { Program } from '../harness/program.js';
import { cpuOfTree } from '../harness/process-tree.js';

const START_MS = 30_000;
const ANSWER_MS = 120_000;
const GiB = 1024 ** 3;
/** The least that the option takes. */
const LEAST_SPOOL_SIZE = 64 * 1024;

export interface Load {
  /** Bytes of each task. */
  readonly size: number;
  readonly seconds: number;
  /** Tasks that wait at once. */
  readonly inFlight: number;
  /** Where the files are; undefined is the runtime directory. */
  readonly directory: string | undefined;
}

export interface Figures {
  readonly perSecond: number;
  /** Processor time of the whole server for one task, in µs. */
  readonly cpu: number;
  /** Peaks of resident memory, in bytes. */
  readonly workerRss: number;
  readonly taskWorkerRss: number;
}

interface Answer {
  readonly done: number;
  readonly elapsed: number;
  readonly workerRss: number;
  readonly taskWorkerRss: number;
}

/** A server of its own for each, so that peaks of memory are those of this way alone. */
export async function measure(way: 'pipe' | 'file', load: Load): Promise<Figures> {
  const spoolSize = way === 'pipe' ? GiB : LEAST_SPOOL_SIZE;
  const args = [String(spoolSize), ...(load.directory === undefined ? [] : [load.directory])];
  const program = new Program(`the server by ${way}`, new URL('server.js', import.meta.url), args);
  try {
    const port = await program.next('port', START_MS, (message) => (message as { port?: number }).port);
    await ask(port, { ...load, seconds: 0.3 });
    const before = cpuOfTree(program.pid);
    const { done, elapsed, workerRss, taskWorkerRss } = await ask(port, load);
    const cpu = (cpuOfTree(program.pid) - before) / done;
    return { perSecond: (done / elapsed) * 1_000, cpu, workerRss, taskWorkerRss };
  } finally {
    await program.leave();
  }
}

async function ask(port: number, { size, seconds, inFlight }: Load): Promise<Answer> {
  const socket = connect({ port, host: '127.0.0.1' });
  const lines = createInterface({ input: socket });
  try {
    return await new Promise<Answer>((resolve, reject) => {
      socket.setTimeout(ANSWER_MS, () => reject(new Error(`no answer within ${ANSWER_MS} ms`)));
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('the connection is closed')));
      lines.once('line', (line) => resolve(JSON.parse(line) as Answer));
      socket.write(`${size} ${seconds} ${inFlight}\n`);
    });
  } finally {
    socket.destroy();
  }
}
