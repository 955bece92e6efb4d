import { readFileSync } from 'node:fs';
import { Program } from '../harness/program.js';
import { processTree } from '../harness/process-tree.js';

export interface MemoryTold {
  /** Bytes of the heap and of the buffers beside it, without garbage. */
  readonly heap: number;
}

/** Bytes for each connection. */
export interface Figures {
  /** Resident memory of the process that owns the sockets. */
  readonly rss: number;
  /** Of its main thread. Reactor threads have heaps of their own, which only `rss` shows. */
  readonly heap: number;
  /** Resident memory of all other processes of the server together. */
  readonly others: number;
}

const START_MS = 20_000;
const OPEN_MS = 120_000;
const SETTLE_MS = 1_000;

const serverFile = new URL('server.js', import.meta.url);
const clientsFile = new URL('clients.js', import.meta.url);

export async function measure(mode: string, connections: number): Promise<Figures> {
  const server = new Program(mode, serverFile, [mode]);
  try {
    const port = await server.next('port', START_MS, (message) => (message as { port?: number }).port);
    const before = await memoryOf(server);
    const clients = new Program('clients', clientsFile, [String(port), String(connections)]);
    try {
      await clients.next('connections', OPEN_MS, (message) => (message as { open?: number }).open);
      const after = await memoryOf(server);
      const each = (pick: (figures: Figures) => number): number => (pick(after) - pick(before)) / connections;
      return {
        rss: each(({ rss }) => rss),
        heap: each(({ heap }) => heap),
        others: each(({ others }) => others),
      };
    } finally {
      await clients.leave();
    }
  } finally {
    await server.leave();
  }
}

async function memoryOf(server: Program): Promise<Figures> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  server.send({});
  const heap = await server.next('memory', START_MS, (message) => (message as Partial<MemoryTold>).heap);
  const others = processTree(server.pid).filter(({ pid }) => pid !== server.pid);
  return {
    rss: residentBytes(server.pid),
    heap,
    others: others.reduce((sum, { pid }) => sum + residentBytes(pid), 0),
  };
}

function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}
