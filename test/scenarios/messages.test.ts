import { expect } from 'chai';
import { simulate, type TestClient, type TestServer } from '@shoal/testing';
import { readDefinition } from '@shoal/decorators';
import type { Server } from '@shoal/core';
import { LettersApp, UnreadApp, type Letter } from '../fixtures/apps/letters.js';
import { ask, eventually, logged } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds } from './in-worlds.js';

const EVERYBODY = [0, 1, 2, 3];

describe('Messages', () => {
  inWorlds('go from every worker and task worker to every other', LettersApp, async (server) => {
    const client = await server.connect();
    const own = (await say(client, 'id')) as number;
    for (const from of EVERYBODY) {
      for (const to of EVERYBODY.filter((each) => each !== from)) {
        const letter = { n: 7, do: 'relay', to } as const;
        const answer = from === own ? say(client, 'ask', to, { n: 7 }) : say(client, 'ask', from, letter);
        expect(await answer).to.equal(`${to} hears 7 of ${from}, number`);
      }
    }
  });

  inSimulation('go from the master and the manager to all workers', LettersApp, async (server) => {
    const all = EVERYBODY.map((workerId) => `${workerId} hears 1 of -1, number`).join('; ');
    await logged(server, `the master hears: ${all}`);
    await server.reload();
    await logged(server, `the manager hears: ${all}`);
  });

  it('go from user processes to all workers, and their answers back', async () => {
    const heard: unknown[] = [];
    const run = async (process: object): Promise<void> => {
      const user = process as Server;
      for (const dst of EVERYBODY) heard.push(await user.ask(dst, { n: 3 }));
      expect(user.broadcast({ n: 4 })).to.equal(4);
    };
    const definition = readDefinition(LettersApp, {});
    const server = await simulate({
      ...definition,
      processes: [{ name: 'poller', body: { kind: 'function', run } }],
    });
    await eventually(server, 'all answers', () => heard.length === 4);
    expect(heard).to.deep.equal(EVERYBODY.map((workerId) => `${workerId} hears 3 of 4, number`));
    await eventually(server, 'the broadcast', () => hearings(server, 4).length === 8);
    await server.stop();
  });

  inWorlds('of one process to another keep their order, whatever their size', LettersApp, async (server) => {
    const sizes = [1, 70_000, 3_000_000, 5, 65_536, 0, 200_000, 65_535, 2, 1_000_000, 1];
    const { client, other } = await correspondents(server);
    expect(await say(client, 'sizes', other, sizes)).to.equal('sent');
    expect(await say(client, 'sizes', 2, sizes)).to.equal('sent');
    for (const workerId of [other, 2]) {
      await eventually(server, 'all of them', () => numbersHeardBy(server, workerId).length === sizes.length);
      expect(numbersHeardBy(server, workerId)).to.deep.equal([...sizes.keys()]);
    }
  });

  inSimulation('to all reach all others', LettersApp, async (server) => {
    const { client, own } = await correspondents(server);
    expect(await say(client, 'broadcast', { n: 50 })).to.equal(3);
    await eventually(server, 'three', () => linesOf(server, /^hears 50 /).length === 3);
    const others = linesOf(server, /^hears 50 /).map(({ workerId }) => workerId);
    expect(others).to.have.members(EVERYBODY.filter((each) => each !== own));
  });

  inSimulation('that cannot be sent are refused with the reason', LettersApp, async (server) => {
    const { client, own } = await correspondents(server);
    const range = 'to send a message to: ids are 0 to 3';
    for (const [dst, message] of [
      [own, `worker ${own} is this process, which does not send to itself`],
      [4, `there is no worker 4 ${range}`],
      [-1, `there is no worker -1 ${range}`],
      [1.5, `there is no worker 1.5 ${range}`],
      ['poller', `there is no user process 'poller' to send a message to: there are none`],
    ] as const) {
      const expected = { name: 'ProcessError', code: 'NO_SUCH_WORKER', message };
      expect(await say(client, 'send', dst, { n: 1 })).to.deep.include(expected);
      expect(await say(client, 'ask', dst, { n: 1 })).to.deep.include(expected);
    }
    expect(await say(client, 'uncloneable', 2)).to.deep.include({ name: 'DataCloneError' });
    expect(linesOf(server, /^hears/).filter(({ message }) => !message.endsWith('-1'))).to.deep.equal([]);
  });

  inSimulation('that nobody handles are refused', UnreadApp, async (server) => {
    const { client, other } = await correspondents(server);
    const expected = { name: 'ProcessError', code: 'NO_MESSAGE_HANDLER' };
    expect(await say(client, 'send', other, { n: 1 })).to.deep.include(expected);
    expect(await say(client, 'ask', other, { n: 1 })).to.deep.include(expected);
    expect(await say(client, 'broadcast', { n: 1 })).to.deep.include(expected);
  });
});

describe('A question', () => {
  inSimulationFirst('is answered by what the handler returns or throws', LettersApp, async (server) => {
    const { client, other } = await correspondents(server);
    expect(await say(client, 'ask', other, { n: 5, do: 'wait', ms: 5 })).to.equal(5);
    expect(await say(client, 'ask', 2, { n: 5, do: 'nothing' })).to.equal('undefined');
    expect(await say(client, 'ask', 3, { n: 5, do: 'throw' })).to.deep.equal({
      name: 'RangeError',
      message: 'thrown in a reader',
      where: true,
      cause: 'the cause',
    });
    expect(await say(client, 'ask', 3, { n: 5, do: 'uncloneable' })).to.deep.include({
      name: 'DataCloneError',
    });
  });

  inSimulation('is given up after its timeout, and a late reply is counted', LettersApp, async (server) => {
    const { client, other } = await correspondents(server);
    const late = { n: 1, do: 'wait', ms: 30 };
    expect(await say(client, 'ask', other, late, { timeout: 10 })).to.deep.include({
      name: 'ProcessError',
      code: 'ASK_TIMEOUT',
      message: `worker ${other} has not answered within 10 ms`,
    });
    expect((await server.stats()).tasks.lateReplies).to.equal(0);
    await server.advance(40);
    expect((await server.stats()).tasks.lateReplies).to.equal(1);
  });

  inSimulation(
    'whose handler does not settle is named after 10 s, and when its process leaves',
    LettersApp,
    async (server) => {
      const { client, other } = await correspondents(server);
      expect(await say(client, 'send', other, { n: 62, do: 'hang' })).to.equal(true);
      await server.advance(9_900);
      expect(linesOf(server, /has not settled/)).to.deep.equal([]);
      const { workerId } = await logged(server, 'Reader.hear has not settled for 10 s');
      expect(workerId).to.equal(other);
      await server.stop();
      const left = /^handlers had not settled when their process had to leave: 1 of messages$/;
      expect(linesOf(server, left)).to.have.length(1);
    },
  );

  inSimulationFirst('is lost with the process that has begun to handle it', LettersApp, async (server) => {
    const { client, other } = await correspondents(server);
    client.send(`ask ${JSON.stringify([other, { n: 60, do: 'hang' }])}\n`);
    await logged(server, /^hears 60 /);
    await server.crashWorker(other);
    expect(JSON.parse(await client.receiveLine())).to.deep.include({
      code: 'ASK_LOST',
      message: `worker ${other} has died, or left, before it answered`,
    });
  });

  inSimulation('that was not begun is answered by the next process', LettersApp, async (server) => {
    const { client, other } = await correspondents(server);
    await server.hangWorker(other, 50);
    client.send(`ask ${JSON.stringify([other, { n: 61, do: 'pid' }])}\n`);
    await server.advance(10);
    const before = pidOf(server, other);
    await server.crashWorker(other);
    expect(Number(await client.receiveLine())).to.be.above(before);
    expect(linesOf(server, /^hears 61 /)).to.have.length(1);
  });
});

describe('The window of messages', () => {
  const settings = { pipeWindow: '64KiB' } as const;
  const WINDOW = 64 * 1024;
  /** What each message takes beside its bytes. */
  const OVERHEAD = 64;
  const rest = WINDOW - (1_000 + OVERHEAD) - OVERHEAD;

  for (const [length, taken] of [
    [rest, true],
    [rest + 1, false],
  ] as const)
    inSimulation(
      taken ? 'admits exactly pipeWindow' : 'does not admit one byte more, and then nothing was sent',
      LettersApp,
      async (server) => {
        const { client, other } = await correspondents(server);
        expect(await say(client, 'characters', other, [1_000, length])).to.deep.equal([true, taken]);
        await server.settle();
        const heard = linesOf(server, /characters$/).map(({ message }) => message);
        const all = ['hears 1000 characters', `hears ${length} characters`];
        expect(heard).to.deep.equal(taken ? all : all.slice(0, 1));
      },
      { settings },
    );

  inSimulation(
    'admits one message of any size while nothing waits',
    LettersApp,
    async (server) => {
      const { client, other } = await correspondents(server);
      expect(await say(client, 'characters', other, [3 * WINDOW, 1])).to.deep.equal([true, false]);
    },
    { settings },
  );

  inSimulation(
    'lets those that wait for it pass in order, and nobody overtakes them',
    LettersApp,
    async (server) => {
      const { client, other } = await correspondents(server);
      const lengths = [60_000, 50_000, 1, 65_000, 2, 3];
      expect(await say(client, 'charactersWait', other, lengths)).to.equal(lengths.length);
      await server.settle();
      const heard = linesOf(server, /characters$/).map(({ message }) => message);
      expect(heard).to.deep.equal(lengths.map((length) => `hears ${length} characters`));
    },
    { settings },
  );

  inSimulation(
    'is all that waits for a process whose handlers hang, beside 64 of them',
    LettersApp,
    async (server) => {
      const { client, other } = await correspondents(server);
      const letter = { do: 'hang', padding: 'x'.repeat(1_000) };
      let sent = 0;
      for (let more = 1; more > 0; await server.advance(20))
        sent += more = (await say(client, 'until', other, letter)) as number;
      expect(numbersHeardBy(server, other)).to.have.length(64);
      const each = Buffer.byteLength(JSON.stringify({ ...letter, n: 10 })) + OVERHEAD;
      expect((sent - 64) * each).to.be.within(WINDOW - 2 * each, WINDOW);
    },
    { settings },
  );
});

describe('Messages to a process that leaves', () => {
  inSimulationFirst('are all started once, in order, when it is replaced', LettersApp, async (server) => {
    const { client, other } = await correspondents(server);
    await sendWhile(server, client, other, async () => server.stopWorker(other));
    expect(numbersHeardBy(server, other)).to.deep.equal([...Array(LETTERS).keys()]);
  });

  inWorlds('are all started, in order, when it dies', LettersApp, async (server) => {
    const { client, other } = await correspondents(server);
    await sendWhile(server, client, other, async () => server.crashWorker(other));
    // Those that had been started and whose sender had not heard of it are started again.
    expect([...new Set(numbersHeardBy(server, other))]).to.deep.equal([...Array(LETTERS).keys()]);
  });

  inSimulation(
    'are given up when two processes have died of them, and those behind arrive',
    LettersApp,
    async (server) => {
      const { client, other } = await correspondents(server);
      for (const letter of [{ n: 0 }, { n: 1, do: 'die' }, { n: 2 }, { n: 3 }])
        expect(await say(client, 'send', other, letter)).to.equal(true);
      await server.settle();
      const heard = numbersHeardBy(server, other);
      expect(heard.filter((n) => n === 1)).to.have.length(2);
      expect(heard.slice(-2)).to.deep.equal([2, 3]);
      expect((await server.stats()).tasks.poisonMessages).to.equal(1);
      await logged(server, `worker ${other} has died of a message twice: it is not sent again`);
      expect(await say(client, 'ask', other, { n: 4, do: 'die' })).to.deep.include({ code: 'ASK_LOST' });
    },
  );

  inSimulation('arrive when one process has died of them', LettersApp, async (server) => {
    const { client, other } = await correspondents(server);
    const letter = { n: 1, do: 'dieOnce', to: pidOf(server, other) } as const;
    expect(await say(client, 'ask', other, letter)).to.equal(1);
    expect((await server.stats()).tasks.poisonMessages).to.equal(0);
  });
});

const LETTERS = 200;

/** Sends letters, numbered from 0, while something happens to the receiver, and waits until the last is heard. */
async function sendWhile(
  server: TestServer,
  client: TestClient,
  to: number,
  happens: () => Promise<void>,
): Promise<void> {
  const sizes = Array.from({ length: LETTERS }, (_, n) => (n % 10 === 9 ? 70_000 : 100));
  client.send(`sizes ${JSON.stringify([to, sizes])}\n`);
  await eventually(server, 'the first', () => numbersHeardBy(server, to).length > 0);
  await happens();
  expect(await client.receiveLine()).to.equal('"sent"');
  await eventually(server, 'the last', () => numbersHeardBy(server, to).includes(LETTERS - 1));
}

/** A client with the id of the worker that serves it, and that of the other one. */
async function correspondents(
  server: TestServer,
): Promise<{ client: TestClient; own: number; other: number }> {
  const client = await server.connect();
  const own = (await say(client, 'id')) as number;
  return { client, own, other: 1 - own };
}

function pidOf(server: TestServer, workerId: number): number {
  return server.running.workers.find((each) => each.workerId === workerId)!.pid;
}

function linesOf(server: TestServer, message: RegExp) {
  return server.logs().filter((log) => message.test(log.message));
}

/** What workers have heard of the sender with that id. */
function hearings(server: TestServer, sender: number) {
  return linesOf(server, new RegExp(`^hears \\d+ from ${sender}$`));
}

/** The numbers of the letters that a worker has heard of other workers, in order. */
function numbersHeardBy(server: TestServer, workerId: number): number[] {
  return linesOf(server, /^hears \d+ from \d/)
    .filter((log) => log.workerId === workerId)
    .map(({ message }) => Number(message.split(' ')[1]));
}

/** Says a word with its arguments as JSON, and gives the answer. */
async function say(
  client: TestClient,
  word: string,
  ...args: readonly (Letter | object | number | string)[]
): Promise<unknown> {
  return JSON.parse(await ask(client, `${word} ${JSON.stringify(args)}`)) as unknown;
}
