/** A server of which only the control socket exists: it says whatever a test wants. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Greeting } from '@shoal/core/internal/control/protocol';
import type { Question } from '@shoal/core/internal/pipe/questions';

/** What a client of the fake is told, and how it can be treated. */
export interface Conversation {
  readonly id: number;
  answer(value: unknown): void;
  error(code: string, message: string): void;
  progress(value: object): void;
  raw(text: string): void;
  hangUp(): void;
}

type Respond = (question: Question, conversation: Conversation) => void;

const places = new Set<string>();
const fakes = new Set<FakeServer>();

export class FakeServer {
  readonly questions: Question[] = [];
  readonly #sockets = new Set<net.Socket>();

  private constructor(private readonly server: net.Server) {}

  /** `greeting` in place of its own, or text as it is. */
  static async start(
    place: string,
    respond: Respond,
    greeting: Partial<Greeting> | string = {},
    end = 'aaaaaa',
  ): Promise<FakeServer> {
    const directory = join(place, `shoal-${end}`);
    mkdirSync(directory, { mode: 0o700 });
    const server = net.createServer();
    const fake = new FakeServer(server);
    const first = typeof greeting === 'string' ? greeting : `${JSON.stringify({ ...usual, ...greeting })}\n`;
    server.on('connection', (socket) => fake.#converse(socket, respond, first));
    server.listen(join(directory, 'control.sock'));
    await once(server, 'listening');
    fakes.add(fake);
    return fake;
  }

  close(): void {
    fakes.delete(this);
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #converse(socket: net.Socket, respond: Respond, first: string): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    socket.write(first);
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (text + chunk).split('\n');
      text = lines.pop()!;
      for (const line of lines) {
        const { id, question } = JSON.parse(line) as { id: number; question: Question };
        this.questions.push(question);
        const send = (reply: object): void => void socket.write(`${JSON.stringify({ id, ...reply })}\n`);
        respond(question, {
          id,
          answer: (answer) => send({ answer }),
          error: (code, message) => send({ error: { name: 'ProcessError', code, message } }),
          progress: (progress) => send({ progress }),
          raw: (raw) => void socket.write(raw),
          hangUp: () => socket.destroy(),
        });
      }
    });
  }
}

const usual: Greeting = {
  shoal: 1,
  name: 'fake',
  pid: process.pid,
  version: '0.0.1',
  program: { execPath: process.execPath, execArgv: [], argv: ['/srv/fake.js'], cwd: '/' },
};

/** A new place for runtime directories. */
export function makePlace(): string {
  const place = mkdtempSync(join(tmpdir(), 'shoal-test-'));
  places.add(place);
  return place;
}

/** For `afterEach`. */
export function closeFakes(): void {
  for (const fake of fakes) fake.close();
  for (const place of places) rmSync(place, { recursive: true });
  places.clear();
}
