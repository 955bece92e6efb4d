import { expect } from 'chai';
import { udp } from '@shoal/core/internal/config/listeners';
import type { Definition } from '@shoal/core/internal/definition';
import { Datagrams, type Arrival } from '@shoal/core/internal/worker/datagrams';
import type { Packet } from '@shoal/core/internal/worker/packet';
import { settingsOf } from '../settings.js';
import { Gate, WorkerWorld } from './worker-world.js';

type Handler = (packet: Packet, delivery: { attempt: number; answered: number }) => unknown;

/** The datagrams of one worker, between a handler of the test and a fake owner of the socket. */
class DatagramWorld extends WorkerWorld {
  readonly datagrams: Datagrams;
  #number = 0;

  constructor(run: Handler) {
    super({});
    const settings = settingsOf({ listeners: [udp({ port: 53, name: 'dns' })] });
    const target = { kind: 'function', run } as const;
    const handlers = [{ event: 'packet', label: 'Dns.ask', target }] as const;
    const definition: Definition = { name: 'App', settings: {}, handlers, timers: [] };
    this.datagrams = new Datagrams(this.conversations, settings, definition, undefined, () => [this.owner]);
  }

  come(text: string, options: Partial<Arrival> = {}): void {
    const from = { listener: 0, address: '10.0.0.7', port: 4_000, arrivedAt: 1 };
    const data = Buffer.from(text);
    const arrival = { ...from, data, attempt: 1, answered: 0, isolated: false, ...options };
    this.datagrams.take(this.owner, ++this.#number, arrival);
  }

  /** What the owner was told, without where everything goes. */
  get told(): readonly string[] {
    return this.owner.log.map((line) => line.replace(' to 10.0.0.7:4000', '').replace(/^\d{16}: /, ''));
  }
}

describe('Datagrams in a worker', () => {
  it('are settled by the last reply of a handler that returns, and by nothing else', () => {
    const world = new DatagramWorld((packet) => {
      const replies = packet.data.toString().split(',');
      for (const reply of replies) if (reply !== '') packet.reply(reply);
    });
    world.come('a');
    world.come('a,b');
    world.come('');
    expect(world.told).to.deep.equal([
      "datagram 'a' and settle 1",
      "datagram 'a' for 2",
      "datagram 'b' and settle 2",
      'settle 3',
    ]);
  });

  it('are settled by what an async handler replies in the turn in which it settles, and what it replied before has gone', async () => {
    const gate = new Gate();
    const world = new DatagramWorld(async (packet) => {
      packet.reply('early');
      await gate.passed;
      packet.reply('late');
    });
    world.come('x');
    await world.turn();
    expect(world.told).to.deep.equal(["datagram 'early' for 1"]);
    gate.open();
    await world.turn();
    expect(world.told.slice(1)).to.deep.equal(["datagram 'late' and settle 1"]);
  });

  it('run beside each other', async () => {
    const gates = [new Gate(), new Gate()];
    const world = new DatagramWorld(async (packet) => gates[Number(packet.data.toString())]!.passed);
    world.come('0');
    world.come('1');
    expect(world.conversations.pending).to.equal(2);
    gates[1]!.open();
    await world.turn();
    expect(world.told).to.deep.equal(['settle 2']);
    gates[0]!.open();
    await world.turn();
    expect(world.told).to.deep.equal(['settle 2', 'settle 1']);
  });

  it('may be kept and replied to after they were settled, and by the handler of another one', () => {
    const kept: Packet[] = [];
    const world = new DatagramWorld((packet) => {
      kept[0]?.reply('to the first');
      kept.push(packet);
    });
    world.come('x');
    world.come('y');
    expect(kept[1]!.reply('late')).to.equal(true);
    expect(world.told).to.deep.equal(['settle 1', "datagram 'to the first'", 'settle 2', "datagram 'late'"]);
  });

  it('wait while the owner is congested, and go back when it has another worker', () => {
    const world = new DatagramWorld((packet) => packet.reply(packet.data));
    world.owner.congested = true;
    world.come('a');
    world.come('b');
    expect(world.told).to.deep.equal([]);
    world.datagrams.giveBack(world.owner);
    expect(world.told).to.deep.equal(['settle 1 returned', 'settle 2 returned']);
    world.come('c');
    world.owner.congested = false;
    world.conversations.resume();
    expect(world.told.slice(2)).to.deep.equal(["datagram 'c' and settle 3"]);
  });

  it('that may be poison run with nothing beside them', async () => {
    const gate = new Gate();
    const world = new DatagramWorld(async (packet) => {
      if (packet.data.toString() === 'runs') await gate.passed;
    });
    world.come('runs');
    world.come('suspect', { isolated: true, attempt: 3 });
    world.come('behind');
    await world.turn();
    expect(world.told).to.deep.equal([]);
    gate.open();
    await world.turn();
    expect(world.told).to.deep.equal(['settle 1', 'alone 2', 'settle 2', 'alone over', 'settle 3']);
  });

  it('know their delivery only where it is asked for, and reply false to what is too long', () => {
    const deliveries: unknown[] = [];
    const answers: boolean[] = [];
    const world = new DatagramWorld((packet, delivery) => {
      deliveries.push(delivery);
      answers.push(packet.reply('x'.repeat(1_000)), packet.reply('x'.repeat(1_001)));
    });
    world.come('x', { attempt: 2, answered: 7 });
    expect(deliveries).to.deep.equal([{ attempt: 2, answered: 7 }]);
    expect(answers).to.deep.equal([true, false]);
    expect(() => new DatagramWorld((packet) => packet.reply(7 as never)).come('y')).to.not.throw();
  });
});
