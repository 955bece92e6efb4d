/** Clients that keep lines in flight and check every answer, for tests of what must not disturb them. */
import net from 'node:net';

const IN_FLIGHT = 8;
const PAUSE_MS = 40;

class PipelinedClient {
  answered = 0;
  /** What was wrong first. */
  fault: string | undefined;
  #sent = 0;
  #rest = '';
  #stopping: (() => void) | undefined;

  constructor(
    private readonly socket: net.Socket,
    private readonly name: number,
  ) {
    socket.setEncoding('utf8');
    socket.setNoDelay(true);
    socket.on('data', (text: string) => this.#read(text));
    socket.on('error', (error) => this.#fail(error.message));
    socket.on('close', () => {
      if (this.#stopping === undefined || this.answered < this.#sent) this.#fail('closed');
    });
    this.#sendAll();
  }

  /** Resolves when everything that was sent is answered. */
  async finish(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#stopping = resolve;
      this.#check();
    });
    this.socket.destroy();
  }

  #sendAll(): void {
    const first = this.#sent;
    this.#sent += IN_FLIGHT;
    const lines = Array.from({ length: IN_FLIGHT }, (_, line) => `${this.name}/${first + line}\n`);
    this.socket.write(lines.join(''));
  }

  /** With a pause: clients that never wait would leave those that boot no processor. */
  #sendSoon(): void {
    setTimeout(() => {
      if (this.#stopping === undefined && this.fault === undefined) this.#sendAll();
    }, PAUSE_MS);
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) {
      const expected = `${this.name}/${this.answered}`;
      if (line !== expected) this.#fail(`got ${line} in place of ${expected}`);
      this.answered++;
    }
    if (this.answered === this.#sent && this.#stopping === undefined) this.#sendSoon();
    this.#check();
  }

  #fail(fault: string): void {
    this.fault ??= `client ${this.name}: ${fault}`;
    this.#stopping?.();
  }

  #check(): void {
    if (this.answered === this.#sent || this.fault !== undefined) this.#stopping?.();
  }
}

export class PipelinedLoad {
  private constructor(private readonly clients: readonly PipelinedClient[]) {}

  static async start(port: number, count: number): Promise<PipelinedLoad> {
    const clients = await Promise.all(
      Array.from({ length: count }, async (_, name) => {
        const socket = net.connect(port, '127.0.0.1');
        await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
        return new PipelinedClient(socket, name);
      }),
    );
    return new PipelinedLoad(clients);
  }

  get answered(): number {
    return this.clients.reduce((sum, { answered }) => sum + answered, 0);
  }

  get faults(): readonly string[] {
    return this.clients.flatMap(({ fault }) => fault ?? []);
  }

  /** Sends nothing more; resolves with the number of answers when all have come. */
  async finish(): Promise<number> {
    await Promise.all(this.clients.map(async (client) => client.finish()));
    return this.answered;
  }
}
