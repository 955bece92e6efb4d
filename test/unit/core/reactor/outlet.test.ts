import { expect } from 'chai';
import { Window } from '@shoal/core/internal/pipe/window';
import { Outlet } from '@shoal/core/internal/reactor/outlet';
import type { Files } from '@shoal/core/internal/platform/platform';
import { ManualClock } from '../pipe/manual-clock.js';
import { MemoryStream } from '../pipe/memory-stream.js';

describe('Outlet', () => {
  it('tells who waits that bytes are with the system, and of a stream that has broken unseen that they are not', () => {
    const [near, far] = MemoryStream.pair();
    const bounds = {
      limit: 1_000,
      largestSend: 1_000,
      high: Infinity,
      low: 0,
      total: new Window(1_000),
      clock: new ManualClock(),
    };
    const rules = { bounds, overflow: 'reject', files: {} as Files, observe: undefined } as const;
    const host = { id: 1, overflow() {}, brokenFile() {}, marked() {}, refuse() {} };
    const outlet = new Outlet(near, rules, host);
    const told: string[] = [];
    const say = (): void =>
      void outlet.sendAndTell(Buffer.from('a word'), 0, 6, 7, (how) => void told.push(how));
    say();
    far.destroy(true);
    far.step();
    say();
    expect(told).to.deep.equal(['handled', 'discarded']);
  });
});
