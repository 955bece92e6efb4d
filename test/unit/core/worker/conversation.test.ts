import { expect } from 'chai';
import type { ById } from '@shoal/core/internal/role-actions';
import type { Connection } from '@shoal/core/internal/worker/connection';
import { Gate, nobodyById, scopesOf, WorkerWorld } from './worker-world.js';

const echo = (connection: Connection, data: Buffer): void => void connection.send(data);

describe('Conversation', () => {
  describe('order', () => {
    it('gives connect, packets and close, and settles each once', async () => {
      const calls: string[] = [];
      const world = new WorkerWorld({
        connect: (connection) =>
          void calls.push(
            `connect ${connection.id} ${connection.listener} ${connection.remoteAddress}:${connection.remotePort} ${connection.localAddress}:${connection.localPort}`,
          ),
        receive: (_connection, data) => void calls.push(`receive ${data.toString()}`),
        close: (connection, reason) => void calls.push(`close ${reason} ${connection.closed}`),
      });
      const conversation = world.introduce(7);
      world.begin(conversation);
      world.packet(conversation, 'a');
      world.packet(conversation, 'b');
      world.end(conversation, 'client');
      await world.turn();
      expect(calls).to.deep.equal([
        'connect 7 chat 10.0.0.7:40000 127.0.0.1:9501',
        'receive a',
        'receive b',
        'close client true',
      ]);
      expect(world.owner.log).to.deep.equal([1, 2, 3, 4].map((seq) => `7: settle ${seq}`));
      expect(world.conversations.get(7)).to.equal(undefined);
    });

    it('starts what is behind a pending handler only when the owner is sure to hear that this has settled', async () => {
      const gate = new Gate();
      const started: string[] = [];
      const world = new WorkerWorld({
        receive: (_connection, data) => {
          started.push(`${data} after ${world.owner.flushes} flushes`);
          return started.length === 1 ? gate.passed : undefined;
        },
      });
      const conversation = world.serve(1);
      world.packet(conversation, 'a');
      await world.turn();
      world.packet(conversation, 'b');
      world.packet(conversation, 'c');
      world.owner.flushed = false;
      gate.open();
      await world.turn();
      expect(started).to.deep.equal(['a after 0 flushes']);
      world.owner.flushed = true;
      world.conversations.resume();
      expect(started.slice(1)).to.deep.equal(['b after 2 flushes', 'c after 2 flushes']);
    });

    it('asks for no flush between handlers that settle within a turn', async () => {
      const world = new WorkerWorld({ receive: async () => {} });
      const conversation = world.serve(1);
      for (const body of ['a', 'b', 'c']) world.packet(conversation, body);
      await world.turn();
      expect(world.owner.log).to.deep.equal([1, 2, 3].map((seq) => `1: settle ${seq}`));
      expect(world.owner.flushes).to.equal(0);
    });

    it('settles what has no handler', async () => {
      const world = new WorkerWorld({ receive: echo });
      const conversation = world.introduce(1);
      world.begin(conversation);
      world.packet(conversation, 'a');
      world.end(conversation);
      expect(world.owner.log).to.deep.equal(['1: settle 1', "1: answer 2 'a'", '1: settle 3']);
    });

    it('lets packets and the close wait for an async connect', async () => {
      const gate = new Gate();
      const calls: string[] = [];
      const world = new WorkerWorld({
        connect: async () => gate.passed,
        receive: (_connection, data) => void calls.push(data.toString()),
        close: () => void calls.push('close'),
      });
      const conversation = world.introduce(1);
      world.begin(conversation);
      world.packet(conversation, 'a');
      world.end(conversation);
      await world.turn();
      expect(calls).to.deep.equal([]);
      gate.open();
      await world.turn();
      expect(calls).to.deep.equal(['a', 'close']);
      expect(world.owner.log).to.deep.equal(['pending 1', '1: settle 1', '1: settle 2', '1: settle 3']);
    });

    it('lets the next packet wait for an async receive', async () => {
      const gates = [new Gate(), new Gate()];
      const started: string[] = [];
      const world = new WorkerWorld({
        receive: (_connection, data) => {
          started.push(data.toString());
          return gates[started.length - 1]!.passed;
        },
      });
      const conversation = world.serve(1);
      world.packet(conversation, 'a');
      world.packet(conversation, 'b');
      await world.turn();
      expect(started).to.deep.equal(['a']);
      gates[0]!.open();
      await world.turn();
      expect(started).to.deep.equal(['a', 'b']);
      expect(world.owner.log).to.deep.equal(['pending 1', '1: settle 1', 'pending 2']);
      gates[1]!.open();
      await world.turn();
      expect(world.owner.log.at(-1)).to.equal('1: settle 2');
      expect(world.conversations.pending).to.equal(0);
    });

    it('runs exactly as many packets at once as concurrency says, and the close after all of them', async () => {
      for (const concurrency of [1, 2, 5]) {
        const gates: Gate[] = [];
        let closed = false;
        const world = new WorkerWorld(
          {
            receive: () => {
              const gate = new Gate();
              gates.push(gate);
              return gate.passed;
            },
            close: () => void (closed = true),
          },
          { concurrency },
        );
        const conversation = world.serve(1);
        for (let count = 0; count < 8; count++) world.packet(conversation);
        world.end(conversation);
        await world.turn();
        expect(gates).to.have.length(concurrency);
        gates.at(-1)!.open();
        await world.turn();
        expect(gates).to.have.length(concurrency + 1);
        for (let at = 0; at < 8; at++) {
          expect(closed).to.equal(false);
          gates[at]!.open();
          await world.turn();
        }
        expect(closed).to.equal(true);
        expect(world.owner.log.filter((entry) => entry.includes('settle'))).to.have.length(9);
      }
    });

    it('never lets a slow handler of one connection hold up another', async () => {
      const world = new WorkerWorld({
        receive: (connection, data) => (connection.id === 1 ? new Promise(() => {}) : echo(connection, data)),
      });
      const [slow, quick] = [world.serve(1), world.serve(2)];
      world.packet(slow, 'never');
      for (const body of ['a', 'b']) world.packet(quick, body);
      await world.turn();
      expect(world.owner.log).to.deep.equal(["2: answer 2 'a'", "2: answer 3 'b'", 'pending 1']);
    });

    it('gives attempt and answered to a handler that declares a third parameter', () => {
      const got: unknown[] = [];
      const three = new WorkerWorld({ receive: (_connection, _data, delivery) => void got.push(delivery) });
      three.packet(three.serve(1), 'a', { attempt: 2, answered: 7 });
      const two = new WorkerWorld({
        receive: (...[_connection, _data, delivery]) => void got.push(delivery),
      });
      two.packet(two.serve(1), 'a', { attempt: 2, answered: 7 });
      expect(got).to.deep.equal([{ attempt: 2, answered: 7 }, undefined]);
    });
  });

  describe('sends', () => {
    it('go with the settlement in the turn in which the handler settles, sync or async', async () => {
      const world = new WorkerWorld({
        receive: async (connection, data) => {
          connection.send('got ');
          await Promise.resolve();
          connection.send(data);
        },
      });
      world.packet(world.serve(1), 'a');
      await world.turn();
      expect(world.owner.log).to.deep.equal(["1: answer 1 'got a'"]);
    });

    it('of earlier turns go out at the end of the turn', async () => {
      const gate = new Gate();
      const world = new WorkerWorld({
        receive: async (connection) => {
          connection.send('early');
          await gate.passed;
          connection.send('late');
        },
      });
      world.packet(world.serve(1));
      await world.turn();
      expect(world.owner.log).to.deep.equal(['pending 1', "1: send 'early'"]);
      gate.open();
      await world.turn();
      expect(world.owner.log.slice(2)).to.deep.equal(["1: answer 1 'late'"]);
    });

    it('of connect go with its settlement', () => {
      const world = new WorkerWorld({ connect: (connection) => connection.send('hello'), receive: echo });
      world.begin(world.introduce(1));
      expect(world.owner.log).to.deep.equal(["1: answer 1 'hello'"]);
    });

    it('to another connection go out before the settlement of the packet that sends them', () => {
      let other: Connection | undefined;
      const world = new WorkerWorld({
        receive: (connection, data) =>
          void (connection.id === 1 ? other!.send(`from 1: ${data.toString()} `) : connection.send(data)),
      });
      const [first, second] = [world.serve(1), world.serve(2)];
      other = second.connection;
      world.packet(first, 'a');
      world.packet(second, 'own');
      expect(world.owner.log).to.deep.equal(["2: send 'from 1: a '", '1: settle 1', "2: answer 2 'own'"]);
    });

    it('to another connection after an await go out before that settlement too', async () => {
      const gate = new Gate();
      let other: Connection | undefined;
      const world = new WorkerWorld({
        receive: async () => {
          await gate.passed;
          other!.send('late');
        },
      });
      const [first, second] = [world.serve(1), world.serve(2)];
      other = second.connection;
      world.packet(first, 'a');
      await world.turn();
      gate.open();
      await world.turn();
      expect(world.owner.log).to.deep.equal(['pending 1', "2: send 'late'", '1: settle 1']);
    });

    it('outside of a handler are joined in one turn', async () => {
      const world = new WorkerWorld({ receive: echo });
      const { connection } = world.serve(1);
      expect(connection.send('zwölf ')).to.equal(true);
      expect(connection.send(new Uint8Array([0x61, 0x62]))).to.equal(true);
      expect(connection.send('')).to.equal(true);
      await world.turn();
      expect(world.owner.log).to.deep.equal(["1: send 'zwölf ab'"]);
    });

    it('take strings and byte arrays, and throw SEND_INVALID at anything else', () => {
      const world = new WorkerWorld({ receive: echo });
      const { connection } = world.serve(1);
      for (const wrong of [5, null, undefined, {}, [1], new DataView(new ArrayBuffer(1))] as unknown[]) {
        expect(() => connection.send(wrong as string))
          .to.throw()
          .with.property('code', 'SEND_INVALID');
      }
      expect(world.owner.log).to.deep.equal([]);
    });

    it('up to exactly the bound gather, and one byte more closes the connection at once', async () => {
      const world = new WorkerWorld({ receive: echo });
      const [fits, over] = [world.serve(1), world.serve(2)];
      expect(fits.connection.send('x'.repeat(600))).to.equal(true);
      expect(fits.connection.send('y'.repeat(400))).to.equal(true);
      expect(over.connection.send('x'.repeat(600))).to.equal(true);
      expect(over.connection.send('y'.repeat(401))).to.equal(false);
      expect(over.connection.closed).to.equal(true);
      expect(over.connection.send('more')).to.equal(false);
      world.packet(over, 'late');
      await world.turn();
      expect(world.owner.log).to.deep.equal([
        '2: overflow',
        '2: settle 1 discarded',
        `1: send '${'x'.repeat(600)}${'y'.repeat(400)}'`,
      ]);
      expect(world.conversations.overflows).to.equal(1);
    });

    for (const [outputOverflow, returned] of Object.entries({ reject: false, dropNewest: true } as const))
      it(`beyond the bound are refused and counted where the listener says '${outputOverflow}', and the connection lives`, async () => {
        const world = new WorkerWorld({ receive: echo }, { outputOverflow: outputOverflow as 'reject' });
        const { connection } = world.serve(1);
        expect(connection.send('x'.repeat(600))).to.equal(true);
        expect(connection.send('y'.repeat(401))).to.equal(returned);
        expect(connection.send('z'.repeat(400))).to.equal(true);
        await world.turn();
        expect(world.owner.log).to.deep.equal([`1: send '${'x'.repeat(600)}${'z'.repeat(400)}'`]);
        expect([...world.conversations.refusals.values()]).to.deep.equal([1]);
      });

    it('return false from the high mark on until less waits, and are taken', async () => {
      const told: string[] = [];
      const world = new WorkerWorld(
        { bufferFull: () => void told.push('full'), bufferEmpty: () => void told.push('empty') },
        { highWatermark: 800 },
      );
      const conversation = world.introduce(1);
      world.begin(conversation);
      const { connection } = conversation;
      expect(connection.send('x'.repeat(799))).to.equal(true);
      expect(connection.send('y')).to.equal(false);
      expect(connection.send('z')).to.equal(false);
      await world.turn();
      expect(told).to.deep.equal(['full']);
      expect(world.owner.log.at(-1)).to.equal(`1: send '${'x'.repeat(799)}yz'`);
      conversation.unacknowledged = 0;
      conversation.eased();
      await world.turn();
      expect(told).to.deep.equal(['full', 'empty']);
      expect(connection.send('again')).to.equal(true);
    });

    it('tell nobody here of a mark once another worker serves the connection', async () => {
      const told: string[] = [];
      const world = new WorkerWorld(
        { bufferFull: () => void told.push('full'), bufferEmpty: () => void told.push('empty') },
        { highWatermark: 800 },
      );
      const conversation = world.introduce(1);
      world.begin(conversation);
      conversation.connection.send('x'.repeat(800));
      await world.turn();
      conversation.moveAway();
      conversation.marked(false);
      conversation.eased();
      await world.turn();
      expect(told).to.deep.equal(['full']);
    });

    it('act by the id in what is run because another connection leaves with this worker', async () => {
      const world = new WorkerWorld({ receive: echo });
      const sent: string[] = [];
      const send: ById['send'] = (id) => sent.push(`to ${id}`) > 0;
      world.conversations.byId = Object.assign(Object.create(nobodyById) as ById, { send });
      const connections = [1, 2, 3].map((id) => world.serve(id).connection);
      for (const each of connections)
        each.signal.addEventListener('abort', () => {
          for (const other of connections)
            if (other !== each) expect(other.send(`bye from ${each.id}`)).to.equal(true);
        });
      await world.conversations.leaveAll();
      await world.turn();
      expect(world.owner.log).to.deep.equal([]);
      expect(sent).to.have.length(6);
    });

    it('return false while the owner of the socket says that its output is full', async () => {
      const world = new WorkerWorld({ receive: echo });
      const conversation = world.introduce(1);
      world.begin(conversation);
      conversation.marked(true);
      expect(conversation.connection.send('taken')).to.equal(false);
      conversation.marked(false);
      expect(conversation.connection.send(' too')).to.equal(true);
      await world.turn();
      expect(world.owner.log.at(-1)).to.equal("1: send 'taken too'");
    });

    it('that are waited for, and files, come behind what was sent before', async () => {
      const world = new WorkerWorld({ receive: echo });
      const { connection } = world.serve(1);
      connection.send('one ');
      const waited = connection.sendWait('two');
      connection.send('three');
      const filed = connection.sendFile('four');
      await world.turn();
      await waited;
      await filed;
      expect(world.owner.log).to.deep.equal([
        "1: send 'one '",
        "1: send and wait 'two'",
        "1: send 'three'",
        '1: file four',
      ]);
    });

    it('that are waited for reject when they are invalid, or the connection is closed', async () => {
      const world = new WorkerWorld({ receive: echo });
      const { connection } = world.serve(1);
      const codes: string[] = [];
      const note = (error: unknown): void => void codes.push((error as { code: string }).code);
      await connection.sendWait(5 as never).catch(note);
      await connection.sendFile('').catch(note);
      await connection.sendFile('path', { offset: -1 }).catch(note);
      connection.close();
      await connection.sendWait('x').catch(note);
      await connection.sendFile('path').catch(note);
      expect(connection.pause()).to.equal(false);
      expect(codes).to.deep.equal([
        'SEND_INVALID',
        'SEND_INVALID',
        'SEND_INVALID',
        'CONNECTION_CLOSED',
        'CONNECTION_CLOSED',
      ]);
    });

    it('are refused after the close', async () => {
      const kept: Connection[] = [];
      const world = new WorkerWorld({
        receive: (connection) => void kept.push(connection),
        close: (connection) => void expect(connection.send('bye')).to.equal(false),
      });
      const conversation = world.serve(1);
      world.packet(conversation);
      world.end(conversation);
      expect(kept[0]!.send('late')).to.equal(false);
      expect(kept[0]!.close()).to.equal(false);
      await world.turn();
      expect(world.owner.log).to.deep.equal(['1: settle 1', '1: settle 2']);
      expect(world.invoker.failed).to.equal(0);
    });
  });

  describe('close', () => {
    it('comes after the answer that was sent before it', () => {
      const world = new WorkerWorld({
        receive: (connection) => {
          connection.send('bye');
          expect(connection.close()).to.equal(true);
          expect(connection.send('too late')).to.equal(false);
          expect(connection.close()).to.equal(false);
          expect(connection.closed).to.equal(true);
        },
      });
      world.packet(world.serve(1));
      expect(world.owner.log).to.deep.equal(["1: answer 1 'bye' and end"]);
    });

    it('discards the packets that wait', async () => {
      const gate = new Gate();
      const world = new WorkerWorld({
        receive: async (connection) => {
          await gate.passed;
          connection.close();
        },
      });
      const conversation = world.serve(1);
      for (let count = 0; count < 3; count++) world.packet(conversation);
      gate.open();
      await world.turn();
      world.packet(conversation);
      expect(world.owner.log).to.deep.equal([
        "1: answer 1 '' and end",
        '1: settle 2 discarded',
        '1: settle 3 discarded',
        '1: settle 4 discarded',
      ]);
    });

    it('goes out at the end of the turn while its handler still runs', async () => {
      const gate = new Gate();
      const world = new WorkerWorld({
        receive: async (connection) => {
          connection.send('bye');
          connection.close();
          await gate.passed;
        },
      });
      world.packet(world.serve(1));
      await world.turn();
      expect(world.owner.log).to.deep.equal(['pending 1', "1: send 'bye'", '1: end']);
      gate.open();
      await world.turn();
      expect(world.owner.log.slice(3)).to.deep.equal(['1: settle 1']);
    });

    it('in connect keeps every packet from its handler', () => {
      const world = new WorkerWorld({
        connect: (connection) => connection.close(),
        receive: () => expect.fail('it was closed'),
      });
      const conversation = world.introduce(1);
      world.begin(conversation);
      world.packet(conversation);
      expect(world.owner.log).to.deep.equal(["1: answer 1 '' and end", '1: settle 2 discarded']);
    });

    it('with reset drops what was not sent yet, also after a close that waits', async () => {
      const world = new WorkerWorld({ receive: echo });
      const [first, second] = [world.serve(1), world.serve(2)];
      first.connection.send('lost');
      first.connection.close({ reset: true });
      second.connection.send('lost');
      second.connection.close();
      expect(second.connection.close({ reset: true })).to.equal(true);
      await world.turn();
      expect(world.owner.log).to.deep.equal(['1: reset', '2: reset']);
    });
  });

  describe('state', () => {
    it('is written with the settlement of the handler that changed it', () => {
      const world = new WorkerWorld({
        receive: (connection, data) => {
          connection.state = { last: data.toString() };
          connection.send('ok');
        },
      });
      const conversation = world.serve(1);
      world.packet(conversation, 'a');
      world.packet(conversation, 'a');
      expect(world.owner.log).to.deep.equal([`1: answer 1 'ok' and state {"last":"a"}`, "1: answer 2 'ok'"]);
    });

    it('is written when it was changed in place, and not when it was only read', () => {
      const world = new WorkerWorld({
        connect: (connection) => void (connection.state = { count: 0 }),
        receive: (connection, data) => {
          const state = connection.state as { count: number };
          if (data.toString() === 'count') state.count++;
        },
      });
      const conversation = world.introduce(1);
      world.begin(conversation);
      for (const body of ['count', 'read', 'count']) world.packet(conversation, body);
      expect(world.owner.log).to.deep.equal([
        `1: answer 1 '' and state {"count":0}`,
        `1: answer 2 '' and state {"count":1}`,
        '1: settle 3',
        `1: answer 4 '' and state {"count":2}`,
      ]);
    });

    it('is there again after an adopt, with the reason', () => {
      const got: unknown[] = [];
      const world = new WorkerWorld({
        adopt: (connection, reason) => void got.push(reason, connection.state),
        receive: echo,
      });
      world.begin(world.introduce(1, new Map([['a', 1]]), world.owner, 'retired'), 'adopt');
      expect(got).to.deep.equal(['retired', new Map([['a', 1]])]);
      expect(world.owner.log).to.deep.equal(['1: settle 1']);
    });

    it('that an async handler changes in earlier turns waits for its settlement', async () => {
      const gate = new Gate();
      const world = new WorkerWorld({
        receive: async (connection) => {
          connection.state = 'half';
          connection.send('sent');
          await gate.passed;
          connection.state = 'whole';
        },
      });
      world.packet(world.serve(1));
      await world.turn();
      gate.open();
      await world.turn();
      expect(world.owner.log).to.deep.equal([
        'pending 1',
        "1: send 'sent'",
        `1: answer 1 '' and state "whole"`,
      ]);
    });

    it('that is changed outside of a handler goes out at the end of the turn', async () => {
      const world = new WorkerWorld({ receive: echo });
      world.serve(1).connection.state = 5;
      await world.turn();
      expect(world.owner.log).to.deep.equal(['1: state 5']);
    });

    it('of exactly 16 KiB encoded is kept, and of one byte more fails the handler and keeps the former', () => {
      const states: unknown[] = [];
      const world = new WorkerWorld({
        receive: (connection, data) => {
          states.push(connection.state);
          // One byte says how the rest is encoded.
          connection.state = 's'.repeat(Number(data.toString()) - 1);
        },
      });
      const conversation = world.serve(1);
      for (const bytes of [16_384, 16_385, 10]) world.packet(conversation, String(bytes));
      expect(world.owner.log.map((entry) => entry.slice(0, 15))).to.deep.equal([
        "1: answer 1 '' ",
        '1: settle 2',
        "1: answer 3 '' ",
      ]);
      expect(states[2]).to.equal('s'.repeat(16_383));
      expect(world.invoker.failed).to.equal(1);
      expect(world.lines[0]!.message).to.equal('Chat.receive failed in connection.state');
      expect(world.lines[0]!.fields!['error']).to.have.property('code', 'STATE_TOO_LARGE');
    });

    it('that cannot be cloned fails the handler, by its name, and keeps the former', () => {
      const world = new WorkerWorld({
        connect: (connection) => void (connection.state = { bad: () => 1 }),
        receive: (connection) => void connection.send(String(connection.state)),
      });
      const conversation = world.introduce(1, 'former');
      world.begin(conversation);
      world.packet(conversation);
      expect(world.owner.log).to.deep.equal(['1: settle 1', "1: answer 2 'former'"]);
      expect(world.lines[0]!.message).to.equal('Chat.connect failed in connection.state');
      expect(world.lines[0]!.fields!['error']).to.have.property('code', 'STATE_NOT_CLONEABLE');
    });

    it('throws STATE_NOT_KEPT where a connection is served by several workers', () => {
      const world = new WorkerWorld({ receive: echo }, { keepsState: false });
      const { connection } = world.serve(1);
      expect(() => connection.state)
        .to.throw()
        .with.property('code', 'STATE_NOT_KEPT');
      expect(() => (connection.state = 1))
        .to.throw()
        .with.property('code', 'STATE_NOT_KEPT');
    });
  });

  describe('a handler that fails', () => {
    it('has settled, is logged with class and method, counted, and what it sent goes out', async () => {
      const world = new WorkerWorld({
        receive: (connection, data) => {
          connection.send(data);
          if (data.toString() === 'sync') throw new Error('no');
          return Promise.reject(new Error('no'));
        },
      });
      const conversation = world.serve(1);
      world.packet(conversation, 'sync');
      world.packet(conversation, 'async');
      await world.turn();
      expect(world.owner.log).to.deep.equal(["1: answer 1 'sync'", "1: answer 2 'async'"]);
      expect(world.invoker.failed).to.equal(2);
      expect(world.lines.map(({ message }) => message)).to.deep.equal(
        Array(2).fill('Chat.receive failed in receive'),
      );
    });

    it('does not keep the close from coming', () => {
      const fail = (): never => {
        throw new Error('no');
      };
      const world = new WorkerWorld({ connect: fail, receive: fail, close: fail });
      const conversation = world.introduce(1);
      world.begin(conversation);
      world.packet(conversation);
      world.end(conversation);
      expect(world.owner.log).to.deep.equal([1, 2, 3].map((seq) => `1: settle ${seq}`));
      expect(world.invoker.failed).to.equal(3);
    });
  });

  describe('objects of the connection', () => {
    it('are made before connect and disposed after close, which settles last', async () => {
      const log: string[] = [];
      const world = new WorkerWorld({ receive: echo }, { container: scopesOf(log, () => ({})) });
      const conversation = world.introduce(1);
      world.begin(conversation);
      expect(log).to.deep.equal(['scope with 1']);
      world.end(conversation);
      expect(world.owner.log).to.deep.equal(['1: settle 1']);
      await world.turn();
      expect(log).to.deep.equal(['scope with 1', 'disposed']);
      expect(world.owner.log).to.deep.equal(['1: settle 1', '1: settle 2']);
    });

    it('that cannot be made reset the connection, by name, and its close still settles', async () => {
      const container = {
        ...scopesOf([], () => ({})),
        openScope: () => {
          throw new Error('no Db');
        },
      };
      const world = new WorkerWorld({ connect: () => expect.fail('not made'), receive: echo }, { container });
      const conversation = world.introduce(1);
      world.begin(conversation);
      world.packet(conversation);
      world.end(conversation);
      await world.turn();
      expect(world.owner.log).to.deep.equal([
        '1: reset',
        '1: settle 1',
        '1: settle 2 discarded',
        '1: settle 3',
      ]);
      expect(world.lines[0]!.message).to.equal('objects of connection 1 failed in connect');
    });
  });
});

describe('Conversations', () => {
  it('start nothing for an owner that is congested, and go on when it is relieved', async () => {
    const world = new WorkerWorld({ receive: echo });
    const conversation = world.serve(1);
    world.owner.congested = true;
    world.packet(conversation, 'a');
    world.packet(conversation, 'b');
    expect(world.owner.log).to.deep.equal([]);
    world.owner.congested = false;
    world.conversations.resume();
    expect(world.owner.log).to.deep.equal(["1: answer 1 'a'", "1: answer 2 'b'"]);
  });

  it('serve connections that wait for their owner in turn', () => {
    const world = new WorkerWorld({
      receive: (connection, data) => {
        connection.send(data);
        world.owner.congested = true;
      },
    });
    const all = [world.serve(1), world.serve(2), world.serve(3)];
    world.owner.congested = true;
    for (const conversation of all) for (let count = 0; count < 3; count++) world.packet(conversation, 'x');
    for (let round = 0; round < 3; round++) {
      world.owner.congested = false;
      world.conversations.resume();
    }
    expect(world.owner.log.map((entry) => entry.slice(0, 1))).to.deep.equal(['1', '2', '3']);
  });

  it('finish once the handlers that run have settled, and start no other', async () => {
    const gate = new Gate();
    const world = new WorkerWorld({ receive: async (connection) => (connection.send('early'), gate.passed) });
    const conversation = world.serve(1);
    world.packet(conversation);
    world.packet(conversation);
    let finished = false;
    const finish = world.conversations.finish(1_000).then(() => (finished = true));
    await world.turn();
    expect(finished).to.equal(false);
    gate.open();
    await finish;
    await world.turn();
    expect(world.owner.log).to.deep.equal(['pending 1', "1: send 'early'", '1: settle 1']);
    world.invoker.close();
    expect(world.clock.timers).to.equal(0);
  });

  it('finish at the deadline when a handler never settles', async () => {
    const world = new WorkerWorld({ receive: () => new Promise(() => {}) });
    world.packet(world.serve(1));
    let finished = false;
    const finish = world.conversations.finish(1_000).then(() => (finished = true));
    world.clock.advance(999);
    await world.turn();
    expect(finished).to.equal(false);
    world.clock.advance(1);
    await finish;
    expect(world.invoker.running).to.equal(1);
  });
});
