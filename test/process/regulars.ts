/** Clients of HTTP, WebSocket and MQTT that ask again and again, and come back when they are closed. */
import net from 'node:net';

/** ms between two questions: clients that never wait would leave those that boot no processor. */
const PAUSE_MS = 10;
/** After so many answers one leaves by itself, and comes back. */
const STAY = 40;

interface Protocol {
  readonly listener: string;
  /** What is said first, if anything, and what the answer begins with. */
  readonly greeting?: readonly [Buffer, string];
  readonly question: readonly [Buffer, string];
}

const get = (path: string, headers = ''): Buffer =>
  Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`);
const upgrade =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

export const protocols: readonly Protocol[] = [
  { listener: 'fastify', question: [get('/fast/food'), 'HTTP/1.1 200 OK'] },
  {
    listener: 'http',
    greeting: [get('/', upgrade), 'HTTP/1.1 101 Switching Protocols'],
    // A text of one letter, masked with zeros.
    question: [Buffer.from('81810000000061', 'hex'), '\x81\x01a'],
  },
  {
    listener: 'mqtt',
    // CONNECT of version 4 with a clean session and no name, PINGREQ.
    greeting: [Buffer.from('100c00044d5154540402003c0000', 'hex'), '\x20\x02\x00\x00'],
    question: [Buffer.from('c000', 'hex'), '\xd0\x00'],
  },
];

export class Regulars {
  answers = 0;
  readonly faults: string[] = [];
  #leaving = false;
  readonly #all: Promise<void>[];

  /** So many of each protocol. */
  constructor(
    private readonly portOf: (listener: string) => number,
    count: number,
  ) {
    this.#all = protocols.flatMap((protocol) =>
      Array.from({ length: count }, async () => {
        while (!this.#leaving) await this.#visit(protocol);
      }),
    );
  }

  async leave(): Promise<void> {
    this.#leaving = true;
    await Promise.all(this.#all);
  }

  async #visit({ listener, greeting, question }: Protocol): Promise<void> {
    const visit = new Visit(this.portOf(listener));
    let welcome = greeting === undefined || (await this.#ask(visit, listener, greeting));
    for (let asked = 0; asked < STAY && welcome && !this.#leaving; asked++) {
      welcome = await this.#ask(visit, listener, question);
      if (welcome) this.answers++;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    await visit.leave();
  }

  /** Whether there was an answer: a worker that dies or has to go closes the connection. */
  async #ask(visit: Visit, listener: string, [question, expected]: Protocol['question']): Promise<boolean> {
    const answer = await visit.ask(question);
    // The goodbye of a worker: a close frame.
    if (answer === undefined || answer.startsWith('\x88')) return false;
    if (!answer.startsWith(expected)) this.faults.push(`${listener} answered ${JSON.stringify(answer)}`);
    return true;
  }
}

class Visit {
  readonly #socket: net.Socket;
  readonly #closed: Promise<undefined>;

  constructor(port: number) {
    this.#socket = net.connect({ host: '127.0.0.1', port });
    this.#socket.on('error', () => {});
    this.#closed = new Promise((resolve) => this.#socket.once('close', () => resolve(undefined)));
  }

  async ask(question: Buffer): Promise<string | undefined> {
    const answer = new Promise<string>((resolve) => {
      this.#socket.once('data', (data: Buffer) => resolve(data.toString('latin1')));
    });
    this.#socket.write(question);
    return Promise.race([answer, this.#closed]);
  }

  async leave(): Promise<void> {
    this.#socket.resume().destroy();
    await this.#closed;
  }
}

/** Asks for much and reads nothing of it, and is gone or resets when it is on its way. */
export async function askAndVanish(port: number, count: number): Promise<void> {
  for (let visit = 0; visit < count; visit++) {
    await new Promise<void>((resolve) => {
      const socket = net.connect({ host: '127.0.0.1', port });
      socket.on('error', () => {});
      socket.once('close', () => resolve());
      socket.once('readable', () => (visit % 2 === 0 ? socket.destroy() : socket.resetAndDestroy()));
      socket.write(get('/bytes?n=5000000'));
    });
  }
}
