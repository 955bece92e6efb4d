import { expect } from 'chai';
import type { DatagramFact } from '@shoal/core/internal/events/datagram-facts';
import type { ConfiguredFact } from '@shoal/core/internal/events/facts';
import { DatagramStories } from '@shoal/testing/internal/invariants/datagram-stories';
import { Deaths } from '@shoal/testing/internal/invariants/deaths';

const origin = { time: 0, process: 'reactor 0', pid: 1 } as const;

interface World {
  readonly stories: DatagramStories;
  readonly found: string[];
  tell(...facts: readonly DatagramFact[]): void;
}

function world(): World {
  const found: string[] = [];
  const listener = { name: 'any', onWorkerLost: 'redeliver', maxQueuedBytes: 300 };
  const stories = new DatagramStories({
    settings: { reactorNum: 1, datagramListeners: [listener] } as unknown as ConfiguredFact,
    deaths: new Deaths(),
    report: (rule, message) => void found.push(`${rule}: ${message}`),
  });
  const tell = (...facts: readonly DatagramFact[]): void => {
    for (const fact of facts) stories.observe({ ...origin, ...fact });
  };
  return { stories, found, tell };
}

/** It counts 100 bytes in a bound. */
function accepted(datagram: number, bytes = 36): DatagramFact {
  return {
    kind: 'datagramAccepted',
    datagram,
    listener: 'any',
    address: '10.0.0.1',
    port: 1,
    bytes,
    data: '',
  };
}

const dropped = (datagram: number): DatagramFact => ({
  kind: 'datagramRefused',
  datagram,
  reason: 'NO_WORKER',
});

describe('The checks of datagrams', () => {
  it('are content with one that is dropped because it exceeds the bound by a byte', () => {
    const { found, tell } = world();
    tell(accepted(1), accepted(2), accepted(3, 37), dropped(3));
    expect(found).to.deep.equal([]);
  });

  it('find one that is dropped though it fills the bound and no more', () => {
    const { found, tell } = world();
    tell(accepted(1), accepted(2), accepted(3), dropped(3));
    expect(found).to.deep.equal([
      'lost: datagram 3 of reactor 0 is dropped, and with it 300 of 300 bytes wait',
    ]);
  });

  it('do not count what a worker has among those that wait', () => {
    const { found, tell } = world();
    const delivered = {
      kind: 'datagramDelivered',
      owner: 0,
      worker: 2,
      workerId: 0,
      seq: 1,
      attempt: 1,
    } as const;
    tell(accepted(1), { ...delivered, datagram: 1 }, accepted(2), accepted(3), dropped(3));
    expect(found).to.deep.equal([
      'lost: datagram 3 of reactor 0 is dropped, and with it 200 of 300 bytes wait',
    ]);
  });

  it('know who has none that is unfinished', () => {
    const { stories, tell } = world();
    tell(accepted(1));
    expect([stories.isIdle(1), stories.isIdle(2)]).to.deep.equal([false, true]);
    tell(dropped(1));
    expect(stories.isIdle(1)).to.equal(true);
  });
});
