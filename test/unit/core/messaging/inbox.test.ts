import { expect } from 'chai';
import { Invoker } from '@shoal/core/internal/events/invoke';
import { Logger } from '@shoal/core/internal/log';
import type { Guest } from '@shoal/core/internal/mesh/guest';
import { Inbox } from '@shoal/core/internal/messaging/inbox';
import { MAX_MESSAGE_BYTES } from '@shoal/core/internal/messaging/messenger';
import { MeshFlag } from '@shoal/core/internal/pipe/messages';
import { Encoding } from '@shoal/core/internal/pipe/payload';
import { promiseJobs } from '../pipe/manual-clock.js';

/** Messages of one sender that may be with their handlers at once. */
const AT_ONCE = 64;

describe('Inbox', () => {
  it('starts 60,000 messages that have waited, however their handlers return', async () => {
    let started = 0;
    const ends: (() => void)[] = [];
    const { take } = inboxOf((text) => {
      started++;
      return text === 'slow' ? new Promise<void>((resolve) => ends.push(resolve)) : undefined;
    });
    for (let message = 0; message < AT_ONCE; message++) take('slow');
    for (let message = 0; message < 60_000; message++) take('quick');
    expect(started).to.equal(AT_ONCE);
    ends[0]!();
    await promiseJobs();
    expect(started).to.equal(AT_ONCE + 60_000);
  });

  for (const [excess, isRefused] of [
    [0, false],
    [1, true],
  ] as const) {
    it(`${isRefused ? 'refuses' : 'sends'} an answer of 64 MiB and ${excess} bytes`, () => {
      const { take, replies } = inboxOf(() => Buffer.alloc(MAX_MESSAGE_BYTES + excess));
      take('how much is it?', true);
      const [{ flags, body }] = replies as [(typeof replies)[0]];
      expect((flags & MeshFlag.failed) !== 0).to.equal(isRefused);
      if (isRefused) expect(JSON.parse(body.toString())).to.include({ code: 'MESSAGE_TOO_LONG' });
    });
  }
});

function inboxOf(run: (text: string) => unknown) {
  const logger = new Logger({ write: () => {} }, { role: 'worker' });
  const handler = {
    event: 'pipeMessage' as const,
    label: 'Test.heard',
    run: (message: unknown) => run((message as { data: string }).data),
    parameters: 1,
  };
  const inbox = new Inbox(
    new Invoker(logger, undefined),
    () => handler,
    () => 1,
  );
  const replies: { flags: number; body: string | Buffer }[] = [];
  const guest = {
    hello: { workerId: 0, pid: 1 },
    settle: () => {},
    reply: (_number: number, flags: number, body: string | Buffer) => replies.push({ flags, body }),
  } as unknown as Guest;
  let seq = 0;
  const take = (text: string, wantsReply = false): void => {
    const buffer = Buffer.from(text);
    const [start, end] = [0, buffer.length];
    inbox.take({
      guest,
      wantsReply,
      flags: Encoding.text,
      sentAt: 0,
      seq: seq++,
      number: seq,
      buffer,
      start,
      end,
    });
  };
  return { take, replies };
}
