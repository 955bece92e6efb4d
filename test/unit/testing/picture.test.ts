import { expect } from 'chai';
import { Picture } from '@shoal/testing/internal/trace/picture';
import type { TraceEvent } from '@shoal/testing/internal/trace/trace-event';
import { CONNECTION, configured, OTHER, OWNER, PORT, ToldFacts, WORKER } from './told-facts.js';

/** A picture of facts that are told one after the other. */
class Drawn extends ToldFacts {
  readonly #trace: TraceEvent[] = [];
  readonly #picture: Picture;

  constructor(lives?: (pid: number) => boolean) {
    const trace: TraceEvent[] = [];
    super((event) => trace.push(event));
    this.#trace = trace;
    this.#picture = new Picture(trace, lives);
    this.tell(OWNER, 'master', configured());
  }

  get now(): Picture {
    return this.#picture.catchUp();
  }

  /** As a world does when its trace is full. */
  forgetOldest(count: number): void {
    this.#picture.catchUp().forgotten(count);
    this.#trace.splice(0, count);
  }
}

const connection = {
  id: CONNECTION,
  listener: 'lines',
  address: '127.0.0.1',
  port: PORT,
  workerId: 0,
  state: 'open',
  outstanding: 0,
  running: [],
};

describe('Picture', () => {
  it('has nothing before anything has happened', () => {
    const { now } = new Drawn();
    expect([now.connections, now.outstanding, now.timers, now.unfinished]).to.deep.equal([
      [],
      [],
      [],
      undefined,
    ]);
  });

  it('shows a connection from its acceptance until it is forgotten', () => {
    const it = new Drawn();
    it.connects();
    expect(it.now.connections).to.deep.equal([]);
    it.accepted();
    expect(it.now.connections).to.deep.equal([{ ...connection, workerId: undefined }]);
    it.delivered('connect');
    expect(it.now.connections).to.deep.equal([connection]);
    it.closed('client');
    expect(it.now.connections).to.deep.equal([{ ...connection, state: 'closed' }]);
    it.forgotten();
    expect(it.now.connections).to.deep.equal([]);
  });

  it('shows a packet while it is not settled, with the worker that has it and the attempt', () => {
    const it = new Drawn();
    const packet = { connection: CONNECTION, packet: 1, bytes: 5, workerId: undefined, attempt: 1 };
    it.opens();
    it.packet(1, 5);
    expect(it.now.outstanding).to.deep.equal([packet]);
    it.delivered('receive', 1);
    expect(it.now.outstanding).to.deep.equal([{ ...packet, workerId: 0 }]);
    it.dies(WORKER);
    it.returned(1);
    expect(it.now.outstanding).to.deep.equal([packet]);
    it.delivered('receive', 1, OTHER, 2);
    expect(it.now.outstanding).to.deep.equal([{ ...packet, workerId: 1, attempt: 2 }]);
    it.runs('receive', 1, OTHER);
    expect(it.now.outstanding.length).to.equal(1);
    it.acknowledged('receive', 1);
    expect(it.now.outstanding).to.deep.equal([]);
  });

  it('takes a packet that is refused away', () => {
    const it = new Drawn();
    it.opens();
    it.packet(1);
    it.packet(2);
    expect(it.now.connections[0]?.outstanding).to.equal(2);
    it.refused(1);
    expect(it.now.outstanding.map(({ packet }) => packet)).to.deep.equal([2]);
  });

  it('keeps packets when a connect or a close is settled', () => {
    const it = new Drawn();
    it.connects();
    it.accepted();
    it.packet(1);
    it.introduced('connect');
    expect(it.now.outstanding.length).to.equal(1);
  });

  it('names handlers that run, and says what is unfinished', () => {
    const it = new Drawn();
    it.opens();
    it.gives(1);
    it.packet(2);
    it.started('receive', 1);
    expect(it.now.connections[0]).to.deep.equal({ ...connection, outstanding: 2, running: ['Chat.receive'] });
    expect(it.now.unfinished).to.equal('2 packets are not settled, 1 handlers run (Chat.receive)');
    it.settled('receive', 1, WORKER, 'failed');
    expect(it.now.connections[0]?.running).to.deep.equal([]);
    expect(it.now.unfinished).to.equal('2 packets are not settled, 0 handlers run');
    it.acknowledged('receive', 1);
    it.refused(2);
    expect(it.now.unfinished).to.equal(undefined);
  });

  it('names a handler once that runs several times', () => {
    const it = new Drawn();
    it.opens();
    for (const packet of [1, 2]) {
      it.gives(packet);
      it.started('receive', packet);
    }
    expect(it.now.unfinished).to.equal('2 packets are not settled, 2 handlers run (Chat.receive)');
  });

  it('leaves hooks and ticks out of what is unfinished', () => {
    const it = new Drawn();
    it.worker({ kind: 'started', event: 'workerStart', handler: 'Chat.start', subject: 0, seq: 0 });
    it.worker({ kind: 'started', event: 'tick', handler: 'Chat.tick', subject: 3, seq: 0 });
    expect(it.now.unfinished).to.equal(undefined);
  });

  it('keeps handlers of two processes with the same number apart', () => {
    const it = new Drawn();
    it.opens();
    const fact = { event: 'receive', handler: 'Chat.receive', subject: CONNECTION, seq: 5 };
    it.worker({ kind: 'started', ...fact }, WORKER);
    it.worker({ kind: 'started', ...fact }, OTHER);
    it.worker({ kind: 'settled', ...fact }, OTHER);
    expect(it.now.connections[0]?.running).to.deep.equal(['Chat.receive']);
  });

  it('shows timers until they are over', () => {
    const it = new Drawn();
    const timer = { timer: 3, handler: 'Chat.beat', delay: 50, repeats: true };
    it.worker({ kind: 'timerSet', ...timer });
    it.worker({ kind: 'timerSet', ...timer, repeats: false }, OTHER);
    expect(it.now.timers).to.deep.equal([
      { process: 'worker 0', pid: WORKER, ...timer },
      { process: 'worker 1', pid: OTHER, ...timer, repeats: false },
    ]);
    it.worker({ kind: 'timerCleared', timer: 3 });
    expect(it.now.timers.map(({ pid }) => pid)).to.deep.equal([OTHER]);
  });

  for (const told of [true, false]) {
    describe(
      told ? 'where the end of a process is told' : 'where the end of a process has to be looked up',
      () => {
        const dead = new Set<number>();
        beforeEach(() => dead.clear());
        const draw = (): Drawn => (told ? new Drawn() : new Drawn((pid) => !dead.has(pid)));
        const dies = (it: Drawn, pid: number): void => {
          if (told) it.dies(pid);
          else dead.add(pid);
        };

        it('forgets handlers and timers of a dead process', () => {
          const it = draw();
          it.opens();
          it.gives(1);
          it.started('receive', 1);
          it.worker({ kind: 'timerSet', timer: 3, handler: 'Chat.beat', delay: 50, repeats: true });
          expect(it.now.timers.length).to.equal(1);
          dies(it, WORKER);
          expect(it.now.timers).to.deep.equal([]);
          expect(it.now.connections).to.deep.equal([{ ...connection, outstanding: 1 }]);
        });

        it('forgets connections whose socket it owned, and their packets', () => {
          const it = draw();
          it.connects();
          it.accepted(WORKER);
          it.gives(1);
          expect(it.now.unfinished).to.equal('1 packets are not settled, 0 handlers run');
          dies(it, WORKER);
          expect(it.now.connections).to.deep.equal([]);
          expect(it.now.unfinished).to.equal(undefined);
        });
      },
    );
  }

  it('goes on where it stopped when the oldest facts were forgotten', () => {
    const it = new Drawn();
    it.opens();
    it.packet(1);
    it.forgetOldest(4);
    it.packet(2);
    expect(it.now.outstanding.map(({ packet }) => packet)).to.deep.equal([1, 2]);
    it.acknowledged('receive', 1);
    expect(it.now.outstanding.map(({ packet }) => packet)).to.deep.equal([2]);
  });

  it('passes over facts of connections that it does not know', () => {
    const it = new Drawn();
    it.packet(1);
    it.delivered('receive', 1);
    it.returned(1);
    it.acknowledged('receive', 1);
    it.closed('client');
    it.forgotten();
    expect(it.now.connections).to.deep.equal([]);
  });
});
