import { FrameFlag, FrameKind, PIPE_VERSION, type Hello } from '@shoal/core/internal/pipe/messages';
import { PipeEnd } from '../pipe/pipe-end.js';

/** The worker's end of a pipe to a reactor, which says what the test says. */
export class WorkerEnd extends PipeEnd {
  hello(hello: Partial<Hello> = {}): void {
    const all: Hello = {
      version: PIPE_VERSION,
      role: 'worker',
      workerId: 0,
      incarnation: 1,
      pid: 7,
      ...hello,
    };
    this.say(FrameKind.hello, JSON.stringify(all));
  }

  say(kind: number, body = '', flags = 0, id = 0, seq = 0): void {
    this.pipe.control(kind, flags, id, seq, Buffer.from(body));
  }

  ready(): void {
    this.pipe.control(FrameKind.ready);
  }

  /** Settles `count` packets from number `seq` on, and sends. */
  answer(id: number, seq: number, body: string, count = 1, state?: string): void {
    const flags = state === undefined ? 0 : FrameFlag.state;
    const length = Buffer.alloc(4);
    length.writeUInt32LE(state?.length ?? 0);
    const parts = state === undefined ? [body] : [length, state, body];
    const bytes = parts.reduce((total, part) => total + part.length, 0);
    this.pipe.messageParts(FrameKind.answer, flags, id, seq, count, parts, bytes, { name: 0 });
  }

  /** What came, in words. */
  get heard(): string[] {
    const names = new Map<number, string>(Object.entries(FrameKind).map(([name, kind]) => [kind, name]));
    return this.#events.map(({ kind, flags, aux, word, body }) => {
      const name = names.get(kind)!;
      if (kind === FrameKind.packet) {
        const alone = (flags & FrameFlag.isolated) !== 0 ? ' alone' : '';
        return `packet ${body}${aux > 1 ? ` (attempt ${aux}, answered ${word})` : ''}${alone}`;
      }
      if (kind === FrameKind.connect || kind === FrameKind.adopt) {
        const { reason, attempt } = JSON.parse(
          kind === FrameKind.adopt ? body.slice(0, word) : body,
        ) as Record<string, unknown>;
        const state = kind === FrameKind.adopt ? body.slice(word) : '';
        return `${name} ${String(reason ?? attempt)}${state === '' ? '' : ` with ${state}`}`;
      }
      return `${name}${body === '' ? '' : ` ${body}`}`;
    });
  }

  /** Without `serving`, which follows every `ready`. */
  get #events(): typeof this.frames {
    return this.frames.filter(({ kind }) => kind !== FrameKind.serving);
  }

  /** Whether the reactor has said that the place is its own. */
  get serves(): boolean {
    return this.frames.some(({ kind }) => kind === FrameKind.serving);
  }

  /** The number of the packet with that body. */
  numberOf(body: string): number {
    return this.frames.findLast((frame) => frame.kind === FrameKind.packet && frame.body === body)!.seq;
  }
}
