import { expect } from 'chai';
import type { TestClient } from '@shoal/testing';
import { JobsApp } from '../fixtures/apps/jobs.js';
import { ask, eventually } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds } from './in-worlds.js';

describe('Tasks', () => {
  for (const mode of ['process', 'base'] as const) {
    (mode === 'process' ? inWorlds : inSimulationFirst)(
      `are done in task workers, and come back in every way there is (${mode} mode)`,
      JobsApp,
      async (server) => {
        const client = await server.connect();
        const own = (await say(client, 'id')) as number;
        expect(await say(client, 'wait', { do: 'echo', value: { a: [1, null, 'ü'] } })).to.deep.equal({
          a: [1, null, 'ü'],
        });
        expect(await say(client, 'wait', { do: 'nothing' })).to.equal('undefined');
        expect(await say(client, 'wait', { do: 'several' })).to.equal('first');
        expect(await say(client, 'callback', { do: 'echo', value: 7 })).to.equal(7);
        expect(await say(client, 'wait', { do: 'who' }, { dst: 1 })).to.deep.equal([3, own, 1, '', 'number']);
        expect(await say(client, 'wait', { do: 'who' }, { dst: 0 })).to.deep.equal([2, own, 1, '', 'number']);
        expect(await say(client, 'task', { do: 'several' })).to.equal('number');
        await eventually(
          server,
          'three results',
          async () => ((await say(client, 'finished')) as string[]).length === 3,
        );
        expect(await say(client, 'finished')).to.deep.equal([
          '["first",false,"number"]',
          '["second",false,"number"]',
          '["last",false,"number"]',
        ]);
        const many = await say(client, 'many', [
          { do: 'echo', value: 1 },
          { do: 'throw' },
          { do: 'echo', value: 3 },
        ]);
        expect((many as { status: string }[]).map(({ status }) => status)).to.deep.equal([
          'fulfilled',
          'rejected',
          'fulfilled',
        ]);
        await eventually(server, 'all to be over', async () => (await server.stats()).tasks.done === 10);
        const { tasks } = await server.stats();
        expect(tasks).to.deep.include({ posted: 10, finished: 9, failed: 1, outstanding: 0, done: 10 });
      },
      { settings: { mode } },
    );
  }

  inSimulationFirst(
    'bring what their handler throws to the caller, with stack and cause',
    JobsApp,
    async (server) => {
      const client = await server.connect();
      expect(await say(client, 'wait', { do: 'throw' })).to.deep.equal({
        name: 'RangeError',
        message: 'thrown in a task',
        where: true,
        cause: 'the cause',
      });
      expect(await say(client, 'wait', { do: 'reject' })).to.deep.include({ message: 'rejected in a task' });
      expect(await say(client, 'task', { do: 'throw' })).to.equal('number');
      await eventually(
        server,
        'the failure',
        async () => ((await say(client, 'finished')) as string[]).length === 1,
      );
      expect(await say(client, 'finished')).to.deep.equal(['thrown in a task']);
    },
  );

  inWorlds(
    'are retried when their task worker dies, and fail with the reason after that',
    JobsApp,
    async (server) => {
      const client = await server.connect();
      expect(await say(client, 'wait', { do: 'die', value: 1 })).to.equal('survived at attempt 2');
      const failure = (await say(client, 'wait', { do: 'die', value: 2 })) as { message: string };
      expect(failure).to.deep.include({ name: 'TaskError', code: 'TASK_WORKER_LOST' });
      expect(failure.message).to.match(
        /^the task worker [23] died while it had the task, the last of 2; taskRetries is 1$/,
      );
    },
  );

  inSimulation(
    'that are given up in the turn in which they were posted are not done',
    JobsApp,
    async (server) => {
      const client = await server.connect();
      for (let task = 0; task < 20; task++) await say(client, 'task', { do: 'wait', ms: 50 });
      expect(await say(client, 'abortAtOnce', { do: 'echo' })).to.include({ message: 'aborted at once' });
      const { posted, failed, outstanding } = (await server.stats()).tasks;
      expect({ posted, failed, outstanding }).to.deep.equal({ posted: 21, failed: 1, outstanding: 20 });
    },
  );

  inSimulation('that throw errors with odd fields fail, and nothing else does', JobsApp, async (server) => {
    const client = await server.connect();
    expect(await say(client, 'wait', { do: 'odd' })).to.include({ name: 'Error', message: 'undefined' });
    expect((await server.stats()).tasks).to.include({ failed: 1, retried: 0 });
  });

  inSimulationFirst('may be named and typed, and are checked before and after', JobsApp, async (server) => {
    const client = await server.connect();
    expect(await line(client, 'double 21')).to.equal(42);
    expect(await line(client, 'half 42')).to.equal(21);
    const refused =
      'the input of task \'double\' does not fit its schema: count: expected a whole number, got "two"';
    expect(await line(client, 'double "two"')).to.deep.include({
      code: 'TASK_INPUT_INVALID',
      message: refused,
    });
    expect(await line(client, 'half 21')).to.deep.include({ code: 'TASK_OUTPUT_INVALID' });
    expect(await line(client, 'doubleFinish 4')).to.equal('number');
    await eventually(server, 'its result', async () =>
      ((await say(client, 'finished')) as string[]).includes('double 8'),
    );
  });
});

/** Says a word with its arguments as JSON, and gives the answer. */
async function say(client: TestClient, word: string, ...args: unknown[]): Promise<unknown> {
  return line(client, args.length === 0 ? word : `${word} ${JSON.stringify(args)}`);
}

async function line(client: TestClient, text: string): Promise<unknown> {
  return JSON.parse(await ask(client, text)) as unknown;
}
