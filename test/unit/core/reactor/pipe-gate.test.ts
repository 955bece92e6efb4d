import { expect } from 'chai';
import { FrameFlag, FrameKind, PIPE_VERSION } from '@shoal/core/internal/pipe/messages';
import { PipeGate } from '@shoal/core/internal/reactor/pipe-gate';
import { keptLog } from '../log-lines.js';
import { flow, MemoryStream } from '../pipe/memory-stream.js';
import { ReactorWorld, type Client } from './reactor-world.js';
import { WorkerEnd } from './worker-end.js';

const MAX_BODY = 1_000_000;

class GateWorld {
  readonly #streams: MemoryStream[] = [];
  readonly lines;
  readonly gate: PipeGate;

  constructor(readonly world: ReactorWorld) {
    const { logger, lines } = keptLog();
    this.lines = lines;
    this.gate = new PipeGate(world.reactor, world.clock, logger, MAX_BODY);
  }

  static async open(workerNum = 1): Promise<GateWorld> {
    return new GateWorld(await ReactorWorld.open({}, { workerNum }));
  }

  /** A worker knocks. */
  knock(): WorkerEnd {
    const [near, far] = MemoryStream.pair();
    this.#streams.push(near, far);
    const end = new WorkerEnd(far, this.world.clock);
    this.gate.accept(near);
    return end;
  }

  /** A worker that is ready. */
  worker(incarnation = 1): WorkerEnd {
    const end = this.knock();
    end.hello({ incarnation });
    this.flow();
    end.ready();
    this.flow();
    return end;
  }

  /** A client whose connect the worker has settled. */
  client(worker: WorkerEnd): Client {
    const client = this.world.client();
    this.flow();
    worker.pipe.settle(worker.frames.at(-1)!.seq);
    this.flow();
    return client;
  }

  die(worker: WorkerEnd): void {
    worker.stream.die();
    this.flow();
  }

  flow(): void {
    for (let round = 0; round < 2; round++) {
      flow(this.world.clock, this.#streams);
      this.world.flow();
    }
  }
}

describe('PipeGate', () => {
  it('welcomes a worker that has a place, and gives events once that is ready', async () => {
    const gate = await GateWorld.open();
    gate.world.client();
    const worker = gate.knock();
    worker.hello();
    gate.flow();
    expect(worker.heard).to.deep.equal(['welcome']);
    worker.ready();
    gate.flow();
    expect(worker.heard).to.deep.equal(['welcome', 'connect 1']);
    // Behind what it was given at once, so that it knows its connections by then.
    expect(worker.frames.at(-1)!.kind).to.equal(FrameKind.serving);
  });

  const refusals = [
    ['another version', { version: PIPE_VERSION + 1 }, 'the kernel changed, restart the server'],
    ['a worker id without a place', { workerId: 1 }, 'no place for worker 1'],
    ['a negative worker id', { workerId: -1 }, 'no place for worker -1'],
  ] as const;
  for (const [what, hello, reason] of refusals) {
    it(`refuses ${what} with a reason, and closes`, async () => {
      const gate = await GateWorld.open();
      const worker = gate.knock();
      worker.hello(hello);
      gate.flow();
      expect(worker.heard).to.have.length(1);
      expect(worker.heard[0])
        .to.match(/^refused /)
        .and.include(reason);
      expect(worker.closes).to.deep.equal([undefined]);
      expect(gate.lines.map(({ level }) => level)).to.deep.equal(['warn']);
      expect(gate.lines[0]!.message).to.include(reason).and.include('pid 7');
    });
  }

  for (const role of ['taskWorker', 'userProcess', 'manager', 'master'] as const) {
    it(`lets a ${role} send to connections and end them, and gives it no event`, async () => {
      const gate = await GateWorld.open();
      const client = gate.client(gate.worker());
      const guest = gate.knock();
      guest.hello({ role, workerId: role === 'taskWorker' ? 2 : -1, incarnation: 0 });
      guest.send(1, Buffer.from('hello '), FrameKind.send);
      guest.send(2, Buffer.from('nobody'), FrameKind.send);
      guest.send(1, Buffer.from('client'), FrameKind.send);
      gate.flow();
      expect(client.received).to.equal('hello client');
      expect(guest.settlements).to.have.length(3);
      guest.say(FrameKind.ready);
      guest.say(FrameKind.end, '', 0, 1);
      gate.flow();
      expect(client.told).to.deep.equal(['end']);
      expect(guest.heard).to.deep.equal(['welcome']);
    });
  }

  it('lets a guest reset a connection', async () => {
    const gate = await GateWorld.open();
    const client = gate.client(gate.worker());
    const guest = gate.knock();
    guest.hello({ role: 'taskWorker' });
    guest.say(FrameKind.end, '', FrameFlag.reset, 1);
    gate.flow();
    expect(client.told).to.deep.equal(['reset']);
  });

  it('takes nothing of a large send whose guest dies in the middle of it', async () => {
    const gate = await GateWorld.open();
    const client = gate.client(gate.worker());
    const guest = gate.knock();
    guest.hello({ role: 'taskWorker' });
    guest.send(1, Buffer.alloc(300_000, 'x'), FrameKind.send);
    guest.pipe.flush();
    guest.stream.die();
    gate.flow();
    expect(client.received).to.equal('');
  });

  it('refuses an incarnation that is not younger than the one that has the place', async () => {
    const gate = await GateWorld.open();
    const present = gate.worker(5);
    for (const incarnation of [4, 5]) {
      const late = gate.knock();
      late.hello({ incarnation });
      gate.flow();
      expect(late.heard[0]).to.include(`incarnation ${incarnation} is older than 5`);
    }
    expect(present.closes).to.deep.equal([]);
  });

  it('takes an older worker out of dispatch when a younger one is ready: what it still settles counts', async () => {
    const gate = await GateWorld.open();
    const old = gate.worker(1);
    const client = gate.client(old);
    client.send('a\nb\n');
    gate.flow();
    const young = gate.knock();
    young.hello({ incarnation: 2 });
    gate.flow();
    client.send('c\n');
    gate.flow();
    expect(old.heard.at(-1)).to.equal('packet c');
    young.ready();
    client.send('d\n');
    gate.flow();
    expect(old.heard.at(-1)).to.equal('retire');
    expect(young.heard).to.deep.equal(['welcome']);
    expect(young.serves).to.equal(true);
    // It had started the first, and gives back the others.
    old.pipe.settle(old.numberOf('b'), 'returned');
    old.pipe.settle(old.numberOf('c'), 'returned');
    gate.flow();
    expect(young.heard).to.deep.equal(['welcome']);
    old.answer(1, old.numberOf('a'), 'by the old');
    gate.flow();
    expect(client.received).to.equal('by the old');
    expect(old.heard.at(-1)).to.equal('forget');
    expect(young.heard).to.deep.equal(['welcome', 'adopt retired', 'packet b', 'packet c', 'packet d']);
  });

  it('does not give the place to the older of two whose word comes last', async () => {
    const gate = await GateWorld.open();
    const old = gate.knock();
    old.hello({ incarnation: 1 });
    gate.flow();
    const young = gate.worker(2);
    old.ready();
    gate.flow();
    expect(old.heard).to.deep.equal(['welcome', 'retire']);
    gate.world.client();
    gate.flow();
    expect(young.heard).to.deep.equal(['welcome', 'connect 1']);
  });

  it('hears a worker that has left as a guest only behind all that it said before, and one that serves at once', async () => {
    const gate = await GateWorld.open();
    const old = gate.worker(1);
    const client = gate.client(old);
    const guestOf = (incarnation: number): WorkerEnd => {
      const guest = gate.knock();
      guest.hello({ serves: false, incarnation });
      gate.flow();
      return guest;
    };
    expect(guestOf(1).heard).to.deep.equal(['welcome']);
    gate.worker(2);
    const [left, dead] = [guestOf(1), guestOf(1)];
    expect([left.heard, dead.heard]).to.deep.equal([[], []]);
    expect(guestOf(2).heard).to.deep.equal(['welcome']);
    gate.die(dead);
    old.send(1, Buffer.from('first '), FrameKind.send);
    old.say(FrameKind.goodbye, '', FrameFlag.unstarted);
    old.pipe.finish();
    gate.flow();
    expect([left.heard, dead.heard]).to.deep.equal([['welcome'], []]);
    left.send(1, Buffer.from('then'), FrameKind.send);
    gate.flow();
    expect(client.received).to.equal('first then');
  });

  it('charges nobody for a worker that is lost while it retires', async () => {
    const gate = await GateWorld.open();
    const old = gate.worker(1);
    gate.client(old).send('a\n');
    gate.flow();
    const young = gate.worker(2);
    gate.die(old);
    expect(young.heard).to.deep.equal(['welcome', 'adopt retired', 'packet a (attempt 2, answered 0)']);
    for (let incarnation = 3; incarnation < 5; incarnation++) gate.die(gate.worker(incarnation));
    gate.die(young);
    expect(gate.worker(9).heard.at(-1)).to.match(/^packet a \(attempt \d, answered 0\)$/);
  });

  it('fences a worker of a manager that is gone off when a younger one comes: nothing it says counts any more', async () => {
    const gate = await GateWorld.open();
    const old = gate.worker(1);
    const client = gate.client(old);
    client.send('a\n');
    gate.flow();
    expect(old.heard.at(-1)).to.equal('packet a');
    gate.gate.markBlameless(1, 'managerLost');
    const young = gate.knock();
    young.hello({ incarnation: 2 });
    young.pipe.flush();
    young.stream.step();
    old.answer(1, old.numberOf('a'), 'from the dead');
    gate.flow();
    expect(old.closes).to.have.length(1);
    expect(client.received).to.equal('');
    young.ready();
    gate.flow();
    expect(young.heard).to.deep.equal(['welcome', 'adopt managerLost', 'packet a (attempt 2, answered 0)']);
    young.answer(1, young.numberOf('a'), 'once');
    gate.flow();
    expect(client.received).to.equal('once');
  });

  it('trusts nothing that a worker it fences off has said of its handlers: what is behind may have been started', async () => {
    const gate = await GateWorld.open();
    const old = gate.worker(1);
    gate.client(old).send('a\nb\n');
    gate.flow();
    old.say(FrameKind.pending, '', 0, 0, old.numberOf('a'));
    gate.flow();
    gate.gate.markBlameless(1, 'managerLost');
    expect(gate.worker(2).heard.slice(2)).to.deep.equal([
      'packet a (attempt 2, answered 0)',
      'packet b (attempt 2, answered 0)',
    ]);
  });

  it('keeps no state of a worker that the connection has left', async () => {
    const gate = await GateWorld.open();
    const old = gate.worker(1);
    gate.client(old);
    const young = gate.worker(2);
    young.say(FrameKind.state, 'new', 0, 1);
    gate.flow();
    old.say(FrameKind.state, 'old', 0, 1);
    gate.flow();
    expect(gate.world.reactor.connection(1)!.state!.toString()).to.equal('new');
  });

  it('lets the same id come back after its pipe has closed', async () => {
    const gate = await GateWorld.open();
    gate.die(gate.worker(3));
    expect(gate.worker(4).heard).to.deep.equal(['welcome']);
  });

  it('refuses workers of a manager that is gone, and charges none of their deaths', async () => {
    const gate = await GateWorld.open();
    let worker = gate.worker(1);
    gate.client(worker).send('a\n');
    gate.flow();
    gate.gate.markBlameless(3, 'managerLost');
    gate.die(worker);
    const late = gate.knock();
    late.hello({ incarnation: 3 });
    gate.flow();
    expect(late.heard[0]).to.include('incarnation 3 belongs to a manager that is gone');
    worker = gate.worker(4);
    expect(worker.heard.slice(1)).to.deep.equal(['adopt managerLost', 'packet a (attempt 2, answered 0)']);
    gate.die(worker);
    // The first death was charged to nobody, so that this was the first.
    expect(gate.worker(5).heard.slice(1)).to.deep.equal([
      'adopt workerLost',
      'packet a (attempt 3, answered 0)',
    ]);
  });

  const strangers = [
    ['anything but a hello', FrameKind.ready, ''],
    ['a hello that is not JSON', FrameKind.hello, '{'],
    ['a hello that is null', FrameKind.hello, 'null'],
    ['a hello that lacks a field', FrameKind.hello, '{"version":1,"role":"worker"}'],
    [
      'a hello of an unknown role',
      FrameKind.hello,
      '{"version":1,"role":"king","workerId":0,"incarnation":1,"pid":1}',
    ],
  ] as const;
  for (const [what, kind, body] of strangers) {
    it(`closes a pipe that begins with ${what}, and touches nothing else`, async () => {
      const gate = await GateWorld.open();
      const worker = gate.worker();
      const stranger = gate.knock();
      stranger.say(kind, body);
      gate.flow();
      expect(stranger.closes).to.have.length(1);
      expect(stranger.frames).to.deep.equal([]);
      expect(worker.closes).to.deep.equal([]);
    });
  }

  it('closes a pipe that has said nothing for 10 s, and none that has', async () => {
    const gate = await GateWorld.open();
    const worker = gate.worker();
    const silent = gate.knock();
    gate.flow();
    gate.world.clock.advance(9_999);
    gate.flow();
    expect(silent.closes).to.deep.equal([]);
    gate.world.clock.advance(1);
    gate.flow();
    expect(silent.closes).to.have.length(1);
    expect(worker.closes).to.deep.equal([]);
  });
});

describe('PipePort', () => {
  it('applies an answer: the state, the bytes and the settlements', async () => {
    const gate = await GateWorld.open();
    const worker = gate.worker();
    const client = gate.client(worker);
    client.send('a\nb\nc\n');
    gate.flow();
    worker.answer(1, worker.numberOf('a'), 'hello', 2, 'kept');
    gate.flow();
    expect(client.received).to.equal('hello');
    expect(gate.world.reactor.connection(1)!.state?.toString()).to.equal('kept');
    expect(gate.world.stats).to.deep.include({ handledPackets: 2, outstandingPackets: 1 });
    expect(worker.settlements).to.have.length(1);
    gate.die(worker);
    const next = gate.worker(2);
    expect(next.heard.slice(1)).to.deep.equal([
      'adopt workerLost with kept',
      'packet c (attempt 2, answered 0)',
    ]);
  });

  it('applies an answer whole or not at all when the worker dies in the middle of it', async () => {
    const gate = await GateWorld.open();
    const worker = gate.worker();
    const client = gate.client(worker);
    client.send('a\n');
    gate.flow();
    worker.stream.capacity = 100_000;
    worker.answer(1, worker.numberOf('a'), 'x'.repeat(500_000), 1, 'state');
    gate.world.clock.turn();
    worker.stream.step();
    gate.die(worker);
    expect(client.received).to.equal('');
    expect(gate.world.reactor.connection(1)!.state).to.equal(undefined);
    expect(gate.worker(2).heard.at(-1)).to.equal('packet a (attempt 2, answered 0)');
  });

  it('counts what a worker sent before it settled as answered', async () => {
    const gate = await GateWorld.open();
    const worker = gate.worker();
    const client = gate.client(worker);
    client.send('a\n');
    gate.flow();
    worker.pipe.messageParts(FrameKind.send, 0, 1, 0, 0, ['early'], 5, { name: 0 });
    worker.pipe.messageParts(FrameKind.send, 0, 99, 0, 0, ['nobody'], 6, { name: 0 });
    gate.flow();
    expect(client.received).to.equal('early');
    expect(worker.settlements).to.have.length(2);
    gate.die(worker);
    expect(gate.worker(2).heard.at(-1)).to.equal('packet a (attempt 2, answered 5)');
  });

  it('keeps a state, ends and resets connections as it is told', async () => {
    const gate = await GateWorld.open();
    const worker = gate.worker();
    const [first, second] = [gate.client(worker), gate.client(worker)];
    worker.say(FrameKind.state, 'noted', 0, 1);
    worker.say(FrameKind.end, '', 0, 1);
    worker.say(FrameKind.end, '', FrameFlag.reset, 2);
    worker.say(FrameKind.end, '', 0, 77);
    gate.flow();
    expect(gate.world.reactor.connection(1)!.state?.toString()).to.equal('noted');
    expect(first.told).to.deep.equal(['end']);
    expect(second.told).to.deep.equal(['reset']);
  });

  it('charges nobody when the worker has said goodbye without being told to retire, and counts no attempt when that had started nothing', async () => {
    for (const unstarted of [true, false]) {
      const gate = await GateWorld.open();
      const worker = gate.worker();
      gate.client(worker).send('a\n');
      gate.flow();
      worker.say(FrameKind.goodbye, '', unstarted ? FrameFlag.unstarted : 0);
      worker.pipe.finish();
      gate.flow();
      const packet = unstarted ? 'packet a' : 'packet a (attempt 2, answered 0)';
      expect(gate.worker(2).heard.slice(1)).to.deep.equal(['adopt managerLost', packet]);
    }
  });

  it('takes the packet that was announced alone as poison, and nothing once that was over', async () => {
    for (const over of [false, true]) {
      const gate = await GateWorld.open();
      const worker = gate.worker();
      const client = gate.client(worker);
      client.send('a\nb\n');
      gate.flow();
      worker.say(FrameKind.alone, '', FrameFlag.mine, 0, worker.numberOf('a'));
      if (over) worker.say(FrameKind.aloneOver);
      gate.flow();
      gate.die(worker);
      expect(client.told).to.deep.equal(over ? [] : ['reset']);
      expect(gate.world.stats.refused).to.deep.equal(over ? {} : { PACKET_POISON: 1, CLOSED: 1 });
    }
  });

  it('charges nobody here while a packet of another owner ran alone', async () => {
    const gate = await GateWorld.open();
    const worker = gate.worker();
    const client = gate.client(worker);
    client.send('a\n');
    gate.flow();
    let next = worker;
    for (let incarnation = 2; incarnation < 5; incarnation++) {
      next.say(FrameKind.alone);
      gate.flow();
      gate.die(next);
      next = gate.worker(incarnation);
    }
    expect(next.heard.at(-1)).to.equal('packet a (attempt 4, answered 0)');
  });

  it('counts no attempt for what waits behind a handler that is pending', async () => {
    const gate = await GateWorld.open();
    const worker = gate.worker();
    gate.client(worker).send('a\nb\n');
    gate.flow();
    worker.say(FrameKind.pending, '', 0, 0, worker.numberOf('a'));
    gate.flow();
    gate.die(worker);
    expect(gate.worker(2).heard.slice(-2)).to.deep.equal(['packet a (attempt 2, answered 0)', 'packet b']);
  });

  it('carries a large packet and a large answer between small ones', async () => {
    const gate = await GateWorld.open();
    const worker = gate.worker();
    const [large, small] = [gate.client(worker), gate.client(worker)];
    const body = 'y'.repeat(300_000);
    large.send(`${body}\n`);
    small.send('s\n');
    gate.flow();
    expect(
      worker.heard
        .slice(-2)
        .map((entry) => entry.slice(0, 8))
        .sort(),
    ).to.deep.equal(['packet s', 'packet y']);
    worker.answer(1, worker.numberOf(body), body);
    worker.answer(2, worker.numberOf('s'), 'short');
    gate.flow();
    expect(large.received).to.equal(body);
    expect(small.received).to.equal('short');
    expect(gate.world.stats).to.deep.include({ handledPackets: 2, outstandingPackets: 0 });
  });
});
