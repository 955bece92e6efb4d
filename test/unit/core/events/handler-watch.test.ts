import { expect } from 'chai';
import { HandlerWatch } from '@shoal/core/internal/events/handler-watch';
import { PendingCall } from '@shoal/core/internal/events/pending-call';
import { keptLog } from '../log-lines.js';
import { ManualClock } from '../pipe/manual-clock.js';

class Watched {
  readonly clock = new ManualClock();
  readonly expired: PendingCall[] = [];
  readonly lines;
  readonly watch: HandlerWatch;

  constructor(shortest = 0) {
    const { logger, lines } = keptLog();
    this.lines = lines;
    this.watch = new HandlerWatch(this.clock, logger, shortest, (call) => {
      call.over = true;
      this.watch.remove(call);
      this.expired.push(call);
    });
  }

  call(timeout = 0, subject = 1, label = 'Chat.line', event: 'receive' | 'tick' = 'receive'): PendingCall {
    const handler = { event, label, run: () => {}, parameters: 2, timeout };
    const call = new PendingCall(handler, subject, 0, () => {}, undefined);
    this.watch.add(call);
    return call;
  }

  get messages(): string[] {
    return this.lines.map(({ message }) => message);
  }
}

describe('HandlerWatch', () => {
  it('has a timer only while handlers are pending, one for all', () => {
    const watched = new Watched(1_000);
    const { clock, watch } = watched;
    expect(clock.timers).to.equal(0);
    const calls = [watched.call(), watched.call(), watched.call()];
    expect(clock.timers).to.equal(1);
    clock.advance(150);
    expect(clock.timers).to.equal(1);
    for (const call of [calls[1]!, calls[0]!, calls[2]!]) watch.remove(call);
    clock.advance(100);
    expect(clock.timers).to.equal(0);
    expect(watched.lines).to.deep.equal([]);
  });

  it('gives up between the timeout and a quarter more, whenever in its sweeps a call began', () => {
    for (const timeout of [100, 1_000, 30_000]) {
      for (let offset = 0; offset <= 1; offset += 0.1) {
        const watched = new Watched(timeout);
        watched.call();
        watched.clock.advance((offset * timeout) / 10);
        const begun = watched.clock.now();
        watched.call(timeout);
        watched.clock.advance(timeout - 0.5);
        expect(watched.expired).to.have.length(0);
        while (watched.expired.length === 0) watched.clock.advance(1);
        expect(watched.clock.now() - begun).to.be.within(timeout, timeout * 1.25);
      }
    }
  });

  it('holds each call against its own timeout', () => {
    const watched = new Watched(100);
    const [never, long, short] = [watched.call(0), watched.call(900), watched.call(100)];
    watched.clock.advance(125);
    expect(watched.expired).to.deep.equal([short]);
    watched.clock.advance(1_000);
    expect(watched.expired).to.deep.equal([short, long]);
    expect(never.over).to.equal(false);
  });

  it('does not age anybody by a pause of the whole process', () => {
    const watched = new Watched(1_000);
    watched.call(1_000);
    watched.clock.advance(500);
    watched.clock.stall(60_000);
    watched.clock.advance(400);
    expect(watched.expired).to.have.length(0);
    watched.clock.advance(350);
    expect(watched.expired).to.have.length(1);
  });

  it('does not give up what another one settles meanwhile', () => {
    const clock = new ManualClock();
    const calls: PendingCall[] = [];
    const expired: PendingCall[] = [];
    const watch: HandlerWatch = new HandlerWatch(clock, keptLog().logger, 100, (call) => {
      expired.push(call);
      for (const each of calls) {
        each.over = true;
        watch.remove(each);
      }
    });
    for (let count = 0; count < 3; count++) {
      const handler = { event: 'receive', label: 'x', run() {}, parameters: 2, timeout: 100 } as const;
      const call = new PendingCall(handler, 1, 0, () => {}, undefined) as PendingCall;
      calls.push(call);
      watch.add(call);
    }
    clock.advance(200);
    expect(expired).to.deep.equal([calls[0]]);
    expect(clock.timers).to.equal(0);
  });

  it('names once what has not settled for 10 s, by handler, with the number of connections', () => {
    const watched = new Watched();
    for (const connection of [1, 2, 3, 3]) watched.call(0, connection);
    watched.call(0, 1, 'Chat.welcome');
    watched.call(0, 9, 'Chat.beat', 'tick');
    const settles = watched.call(0, 4, 'Chat.quick');
    watched.clock.advance(9_999);
    watched.watch.remove(settles);
    expect(watched.messages).to.deep.equal([]);
    watched.clock.advance(2_000);
    expect(watched.messages).to.deep.equal([
      'Chat.line has not settled for 10 s, on 3 connections',
      'Chat.welcome has not settled for 10 s, on 1 connection',
      'Chat.beat has not settled for 10 s',
    ]);
    expect(watched.lines[0]!.fields).to.deep.equal({ handler: 'Chat.line', connections: [1, 2, 3] });
    watched.clock.advance(60_000);
    expect(watched.messages).to.have.length(3);
  });

  it('gathers the names of one second, however often it sweeps', () => {
    const watched = new Watched(100);
    for (let connection = 0; connection < 90; connection++) {
      watched.call(0, connection);
      watched.clock.advance(10);
    }
    watched.clock.advance(12_000);
    expect(watched.messages.length).to.be.within(1, 2);
  });

  it('sweeps no more once it is closed', () => {
    const watched = new Watched(100);
    watched.call(100);
    watched.watch.close();
    expect(watched.clock.timers).to.equal(0);
    watched.call(100);
    expect(watched.clock.timers).to.equal(0);
  });
});
