import { expect } from 'chai';
import { MOST_REQUESTS, PendingRequests } from '@shoal/core/internal/pipe/requests';
import { ManualClock } from './manual-clock.js';

const request = { what: 'isOnline', uid: 'ann' } as const;

function answer(pending: PendingRequests, number: number, text: string): void {
  const body = Buffer.from(`..${text}`);
  pending.answered(number, body, 2, body.length);
}

async function codeOf(asked: Promise<unknown>): Promise<string | undefined> {
  return asked.then(
    () => undefined,
    (error: { code?: string }) => error.code,
  );
}

describe('PendingRequests', () => {
  it('resolve with the answer of their number, in whatever order those come', async () => {
    const clock = new ManualClock();
    const pending = new PendingRequests(clock);
    const numbers: number[] = [];
    const keep = (number: number): boolean => numbers.push(number) > 0;
    const asked = [pending.ask(request, pending, keep), pending.ask(request, pending, keep)];
    answer(pending, numbers[1]!, '{"ids":[7]}');
    answer(pending, numbers[0]!, 'true');
    expect(await Promise.all(asked)).to.deep.equal([true, { ids: [7] }]);
    answer(pending, numbers[0]!, 'false');
    expect(clock.timers).to.equal(0);
  });

  it('are exactly as many as may wait, and not one more', async () => {
    const pending = new PendingRequests(new ManualClock());
    const numbers: number[] = [];
    const keep = (number: number): boolean => numbers.push(number) > 0;
    const all = Array.from({ length: MOST_REQUESTS }, async () => pending.ask(request, pending, keep));
    expect(await codeOf(pending.ask(request, pending, keep))).to.equal('ASK_OVERFLOW');
    expect(numbers).to.have.lengthOf(MOST_REQUESTS);
    answer(pending, numbers[0]!, 'true');
    const last = pending.ask(request, pending, keep);
    for (const number of numbers) answer(pending, number, 'true');
    expect(new Set(await Promise.all([...all, last]))).to.deep.equal(new Set([true]));
  });

  it('are refused when there is no room on the way, and leave nothing behind', async () => {
    const clock = new ManualClock();
    const pending = new PendingRequests(clock);
    expect(await codeOf(pending.ask(request, pending, () => false))).to.equal('ASK_OVERFLOW');
    expect(clock.timers).to.equal(0);
  });

  it('give up after exactly 5 s', async () => {
    const clock = new ManualClock();
    const pending = new PendingRequests(clock);
    let code: string | undefined;
    void codeOf(pending.ask(request, pending, () => true)).then((it) => (code = it));
    clock.advance(4_999);
    await Promise.resolve();
    expect(code).to.equal(undefined);
    clock.advance(1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(code).to.equal('ASK_TIMEOUT');
  });

  it('fail when the owner that they were for is gone, and no others', async () => {
    const clock = new ManualClock();
    const pending = new PendingRequests(clock);
    const numbers: number[] = [];
    const keep = (number: number): boolean => numbers.push(number) > 0;
    const [gone, other] = [{}, {}];
    const lost = codeOf(pending.ask(request, gone, keep));
    const kept = pending.ask(request, other, keep);
    pending.lost(gone);
    expect(await lost).to.equal('ASK_LOST');
    answer(pending, numbers[1]!, 'true');
    expect(await kept).to.equal(true);
    expect(clock.timers).to.equal(0);
  });
});
