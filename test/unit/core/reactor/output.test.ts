import { expect } from 'chai';
import fc from 'fast-check';
import { Window } from '@shoal/core/internal/pipe/window';
import { Output, type OutputBounds, type Verdict } from '@shoal/core/internal/reactor/output';
import { bytesOf } from '../pipe/frames.js';
import { ManualClock } from '../pipe/manual-clock.js';
import { choices, flow, MemoryStream } from '../pipe/memory-stream.js';

function setUp(
  capacity: number,
  limit: number,
  { total = 10_000_000, largest = 100_000, high = Infinity, low = 0 } = {},
) {
  const clock = new ManualClock();
  const streams = MemoryStream.pair(capacity);
  const window = new Window(total);
  const marks: boolean[] = [];
  const bounds = { limit, largestSend: largest, high, low, total: window, clock };
  const output = new Output(streams[0], bounds, { marked: (full) => void marks.push(full) });
  const got: Buffer[] = [];
  streams[0].start({ data() {}, end() {}, drain: () => output.drained(), close: () => output.discard() });
  streams[1].start({ data: (chunk) => void got.push(chunk), end() {}, drain() {}, close() {} });
  const send = (body: Buffer): Verdict => output.write(body, 0, body.length);
  return { clock, streams, output, marks, window, send, received: () => Buffer.concat(got) };
}

const MIB = 1024 * 1024;

function boundsOf(limit: number, total: Window): OutputBounds {
  return { limit, largestSend: limit, high: Infinity, low: 0, total, clock: new ManualClock() };
}

describe('Output', () => {
  it('sends every byte in order, whatever the sizes and the pace of the client, and owes nothing in the end', () => {
    const size = fc.oneof(
      fc.nat(200),
      fc.nat(3_000),
      fc.constantFrom(16_383, 16_384, 16_385),
      fc.nat(60_000),
    );
    fc.assert(
      fc.property(fc.array(size, { maxLength: 40 }), fc.integer({ min: 1, max: 2 ** 31 }), (sizes, seed) => {
        const choose = choices(seed);
        const { clock, streams, output, window, send, received } = setUp(5_000, 10_000_000);
        const sent = sizes.map((bytes, index) => bytesOf(bytes, index));
        for (const body of sent) {
          expect(send(body)).to.equal('taken');
          if (choose() < 0.3) streams[0].step(choose() * 20_000);
        }
        output.end();
        flow(clock, streams, choose);
        expect(received().equals(Buffer.concat(sent))).to.equal(true);
        expect(streams[0].ended).to.equal(true);
        expect(window.used).to.equal(0);
      }),
      { numRuns: 60 },
    );
  });

  it('gives 1 MiB to a client that takes everything, and the rest in later turns, in order', () => {
    const { clock, streams, output, send, received } = setUp(Infinity, 10 * MIB, { largest: 10 * MIB });
    const bodies = [MIB, 3 * MIB + 1, 300_000, 300_000].map((bytes, index) => bytesOf(bytes, index));
    for (const body of bodies) expect(send(body)).to.equal('taken');
    const waiting = [output.buffered];
    while (clock.turn()) waiting.push(output.buffered);
    expect(waiting).to.deep.equal([2 * MIB + 600_001, MIB + 600_001, 600_001, 0]);
    expect(output.busy).to.equal(false);
    flow(clock, streams);
    expect(received().equals(Buffer.concat(bodies))).to.equal(true);
  });

  for (const [how, breaks] of [
    ['was destroyed here', ([near]: MemoryStream[]) => near!.destroy(true)],
    [
      'was reset by its client',
      ([, far]: MemoryStream[]) => {
        far!.destroy(true);
        far!.step();
      },
    ],
  ] as const)
    it(`says of nothing that it is with the system which its stream has not taken because it ${how}`, () => {
      const { clock, streams, output, send } = setUp(Infinity, 10 * MIB, { largest: 10 * MIB });
      const log: string[] = [];
      send(bytesOf(3 * MIB, 1));
      output.enqueue({
        advance: () => log.push('advanced') > 0,
        abandon: () => void log.push('abandoned'),
      });
      breaks(streams);
      while (clock.turn());
      flow(clock, streams);
      expect(log).to.deep.equal(['abandoned']);
      expect(output.busy).to.equal(false);
    });

  it('does not keep the memory that small sends lie in', () => {
    const { clock, streams, send, received } = setUp(0, 1_000);
    const shared = Buffer.alloc(100, 'a');
    send(Buffer.from('first'));
    send(shared);
    shared.fill('b');
    streams[0].capacity = 1_000;
    flow(clock, streams);
    expect(received().toString()).to.equal(`first${'a'.repeat(100)}`);
  });

  it('bounds what waits on all connections together', () => {
    const clock = new ManualClock();
    const total = new Window(1_000);
    const outputs = [0, 1, 2].map(() => {
      const streams = MemoryStream.pair(0);
      const output = new Output(streams[0], boundsOf(10_000, total), { marked() {} });
      streams[0].start({ data() {}, end() {}, drain: () => output.drained(), close() {} });
      streams[1].start({ data() {}, end() {}, drain() {}, close() {} });
      return { output, streams };
    });
    const send = (index: number, bytes: number): Verdict =>
      outputs[index]!.output.write(Buffer.alloc(bytes), 0, bytes);
    expect(send(0, 600)).to.equal('taken');
    expect(send(1, 400)).to.equal('taken');
    expect(send(0, 1)).to.equal('exhausted');
    expect(send(2, 1)).to.equal('exhausted');
    outputs[1]!.output.discard();
    expect(send(0, 1)).to.equal('taken');
    outputs[0]!.streams[0].capacity = 10_000;
    flow(clock, outputs[0]!.streams);
    expect(total.used).to.equal(0);
  });

  it('lets a client that takes everything pass, however much waits for the others', () => {
    const total = new Window(100);
    total.take(100);
    for (const bytes of [1_000, MIB, MIB + 1, 3 * MIB]) {
      const output = new Output(MemoryStream.pair(Infinity)[0], boundsOf(bytes, total), { marked() {} });
      for (let count = 0; count < 10; count++)
        expect(output.write(Buffer.alloc(bytes), 0, bytes), `${bytes} bytes`).to.equal('taken');
    }
    expect(total.used).to.equal(100);
  });

  it('refuses nothing for what only rests, and what its client does not take all the same', () => {
    const { streams, output, send, window } = setUp(9 * MIB, 3 * MIB, { largest: 3 * MIB, total: 3 * MIB });
    for (let count = 0; count < 4; count++) expect(send(bytesOf(3 * MIB, count))).to.equal('taken');
    expect(streams[0].buffered).to.be.within(1, MIB);
    expect(output.buffered).to.equal(3 * MIB);
    expect(window.used).to.equal(3 * MIB);
    expect(send(Buffer.alloc(1))).to.equal('full');
  });

  it('ends the stream after what waits, once', () => {
    const { clock, streams, output, send, received } = setUp(10, 1_000);
    send(Buffer.alloc(50, 'x'));
    send(Buffer.alloc(50, 'y'));
    output.end();
    expect(streams[0].ended).to.equal(false);
    flow(clock, streams);
    expect(received()).to.have.length(100);
    expect(streams[0].ended).to.equal(true);
  });

  it('takes exactly its limit, and one byte more not at all', () => {
    const { send, output } = setUp(0, 1_000, { largest: 600 });
    expect(send(Buffer.alloc(600))).to.equal('taken');
    expect(send(Buffer.alloc(401))).to.equal('full');
    expect(output.buffered).to.equal(600);
    expect(send(Buffer.alloc(400))).to.equal('taken');
    expect(send(Buffer.alloc(1))).to.equal('full');
    expect(output.buffered).to.equal(1_000);
  });

  it('takes one send of the largest size when it is empty, and none that is larger', () => {
    const { send } = setUp(0, 1_000, { largest: 5_000 });
    expect(send(Buffer.alloc(5_001))).to.equal('full');
    expect(send(Buffer.alloc(5_000))).to.equal('taken');
  });

  it('tells of the high mark once, and of the low one when it has fallen to it', () => {
    const { clock, streams, send, marks, output } = setUp(0, 1_000, { high: 500, low: 0 });
    send(Buffer.alloc(499));
    expect(marks).to.deep.equal([]);
    send(Buffer.alloc(1));
    send(Buffer.alloc(1));
    expect([marks, output.full]).to.deep.equal([[true], true]);
    streams[0].capacity = 10_000;
    flow(clock, streams);
    expect([marks, output.full]).to.deep.equal([[true, false], false]);
  });

  it('gives a turn when all that was sent before is with the system, and what is sent later waits for it', () => {
    const { clock, streams, output, send, received } = setUp(0, 1_000);
    const log: string[] = [];
    let over = false;
    const turn = {
      advance: () => {
        log.push(`after ${received().length}`);
        return over;
      },
      abandon: () => log.push('abandoned'),
    };
    send(Buffer.from('first'));
    expect(output.enqueue(turn)).to.equal(true);
    send(Buffer.from('later'));
    streams[0].capacity = 1_000;
    flow(clock, streams);
    expect(received().toString()).to.equal('first');
    expect(log).to.deep.equal(['after 5']);
    expect(output.step(Buffer.from('<step>'))).to.equal(true);
    over = true;
    output.goOn();
    flow(clock, streams);
    expect(received().toString()).to.equal('first<step>later');
    expect(output.busy).to.equal(false);
  });

  it('counts the steps of a turn in no bound, and charges them to the total', () => {
    const { output, send, window } = setUp(0, 100);
    output.enqueue({ advance: () => false, abandon: () => {} });
    output.step(Buffer.alloc(5_000));
    expect(window.used).to.equal(5_000);
    expect(send(Buffer.alloc(100))).to.equal('taken');
    expect(send(Buffer.alloc(1))).to.equal('full');
  });

  it('has room for 1,024 turns, and for none more; when the stream is gone all of them hear it', () => {
    const { output, send } = setUp(0, 1_000);
    let abandoned = 0;
    const turn = { advance: () => true, abandon: () => void abandoned++ };
    send(Buffer.alloc(10));
    for (let count = 0; count < 1_024; count++) expect(output.enqueue(turn)).to.equal(true);
    expect(output.enqueue(turn)).to.equal(false);
    output.discard();
    expect(abandoned).to.equal(1_024);
  });

  it('counts what it has taken, whether it waits or not, and nothing that it refused', () => {
    const { output, send } = setUp(100, 1_000);
    send(Buffer.alloc(100));
    send(Buffer.alloc(900));
    expect(send(Buffer.alloc(1_000))).to.equal('full');
    output.enqueue({ advance: () => false, abandon: () => {} });
    output.step(Buffer.alloc(7));
    expect(output.taken).to.equal(1_007);
  });

  it('ends the stream after the last turn', () => {
    const { clock, streams, output } = setUp(1_000, 1_000);
    let over = false;
    output.enqueue({ advance: () => over, abandon: () => {} });
    output.end();
    flow(clock, streams);
    expect(streams[0].ended).to.equal(false);
    over = true;
    output.goOn();
    expect(streams[0].ended).to.equal(true);
  });
});
