import { createSocket, type Socket } from 'node:dgram';
import { cpuOfTree } from '../harness/process-tree.js';

export interface DatagramLoad {
  readonly port: number;
  readonly sockets: number;
  /** Datagrams that each socket has on their way. */
  readonly inFlight: number;
  readonly bytes: number;
}

export interface DatagramFigures {
  readonly answers: number;
  /** Datagrams that were not answered in time, and sent anew. */
  readonly lost: number;
  /** ms. */
  readonly elapsed: number;
  /** Processor time that the server took meanwhile, in µs, with all its processes. */
  readonly cpu: number;
}

/** ms without an answer after which a socket takes what it has on its way for lost. */
const LOST_AFTER_MS = 50;

/** Sends the next datagram for each answer, for so many ms after an unmeasured time. */
export async function loadWithDatagrams(
  load: DatagramLoad,
  pid: number,
  warmUp: number,
  duration: number,
): Promise<DatagramFigures> {
  const all = Array.from({ length: load.sockets }, () => new LoadedSocket(load));
  try {
    await Promise.all(all.map(async (socket) => socket.start()));
    await sleep(warmUp);
    const before = countsOf(all);
    const cpuBefore = cpuOfTree(pid);
    const begin = performance.now();
    await sleep(duration);
    const elapsed = performance.now() - begin;
    const after = countsOf(all);
    const cpu = cpuOfTree(pid) - cpuBefore;
    return { answers: after.answers - before.answers, lost: after.lost - before.lost, elapsed, cpu };
  } finally {
    for (const socket of all) socket.stop();
  }
}

class LoadedSocket {
  answers = 0;
  lost = 0;
  readonly #socket: Socket;
  readonly #data: Buffer;
  #answersAtLook = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly load: DatagramLoad) {
    this.#data = Buffer.alloc(load.bytes, 'x');
    this.#socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
    this.#socket.on('message', (data) => {
      if (data.length !== load.bytes) throw new Error(`an answer has ${data.length} bytes of ${load.bytes}`);
      this.answers++;
      this.#send();
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.connect(this.load.port, '127.0.0.1', resolve));
    this.#sendAll();
    this.#timer = setInterval(() => this.#look(), LOST_AFTER_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }

  #look(): void {
    if (this.answers === this.#answersAtLook) {
      this.lost += this.load.inFlight;
      this.#sendAll();
    }
    this.#answersAtLook = this.answers;
  }

  #sendAll(): void {
    for (let each = 0; each < this.load.inFlight; each++) this.#send();
  }

  #send(): void {
    this.#socket.send(this.#data);
  }
}

function countsOf(all: readonly LoadedSocket[]): { answers: number; lost: number } {
  return all.reduce((sum, { answers, lost }) => ({ answers: sum.answers + answers, lost: sum.lost + lost }), {
    answers: 0,
    lost: 0,
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
