import { expect } from 'chai';
import { Inbox } from '@shoal/core/internal/platform/node/inbox';
import { Occurrence } from '@shoal/core/internal/platform/node/occurrence';

describe('Inbox', () => {
  it('hands what came early to the receiver first, in order', () => {
    const inbox = new Inbox();
    const received: unknown[] = [];
    inbox.deliver({ index: 1 });
    inbox.deliver({ index: 2 });
    inbox.onMessage((message) => received.push(message));
    inbox.deliver({ index: 3 });
    expect(received).to.deep.equal([{ index: 1 }, { index: 2 }, { index: 3 }]);
  });

  it('keeps the order when a message comes while early ones are handed over', () => {
    const inbox = new Inbox();
    const received: unknown[] = [];
    inbox.deliver({ index: 1 });
    inbox.deliver({ index: 2 });
    inbox.onMessage((message) => {
      received.push(message);
      if (received.length === 1) inbox.deliver({ index: 3 });
    });
    expect(received).to.deep.equal([{ index: 1 }, { index: 2 }, { index: 3 }]);
  });

  it('tells the end although nobody receives', () => {
    const inbox = new Inbox();
    let ends = 0;
    inbox.deliver({ nobody: 'reads this' });
    inbox.onEnd(() => (ends += 1));
    inbox.end();
    inbox.end();
    expect(ends).to.equal(1);
  });
});

describe('Occurrence', () => {
  it('tells early askers at once and in order', () => {
    const occurrence = new Occurrence<number>();
    const heard: string[] = [];
    occurrence.tell((value) => heard.push(`first ${value}`));
    occurrence.tell((value) => heard.push(`second ${value}`));
    occurrence.happen(1);
    occurrence.happen(2);
    expect(heard).to.deep.equal(['first 1', 'second 1']);
  });

  it('tells late askers the same, but not while they ask', async () => {
    const occurrence = new Occurrence<number>();
    const heard: number[] = [];
    occurrence.happen(1);
    occurrence.tell((value) => heard.push(value));
    expect(heard).to.deep.equal([]);
    await Promise.resolve();
    expect(heard).to.deep.equal([1]);
  });
});
