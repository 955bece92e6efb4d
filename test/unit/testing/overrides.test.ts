import { expect } from 'chai';
import { launch, simulate, type Overrides, type TestServer } from '@shoal/testing';
import { Greeting, GreeterApp } from '../../fixtures/overrides/app.js';
import byRole from '../../fixtures/overrides/by-role.js';
import { override as byPlace } from '../../fixtures/overrides/by-place.js';

const byRoleModule = new URL('../../fixtures/overrides/by-role.js', import.meta.url);
const byPlaceModule = new URL('../../fixtures/overrides/by-place.js', import.meta.url);

/** Which greeting each process has, by its name in the log; stops the server. */
async function greetings(server: TestServer): Promise<Record<string, string>> {
  try {
    return Object.fromEntries(
      server
        .logs()
        .filter(({ message }) => message.startsWith('greeting '))
        .map(({ role, workerId, message }) => [
          workerId === undefined ? role : `${role} ${workerId}`,
          message.slice('greeting '.length),
        ]),
    );
  } finally {
    await server.stop();
  }
}

async function reasonOf(promise: Promise<TestServer>): Promise<{ code?: string; message: string }> {
  const outcome = await promise.catch((error: Error) => error);
  if (outcome instanceof Error) return outcome;
  await outcome.stop();
  return { message: 'the server started' };
}

const replacedByRole = {
  master: 'fake in the master',
  manager: 'real',
  'worker 0': 'fake in worker 0',
  'worker 1': 'fake in worker 1',
  'task worker 2': 'real',
};
const replacedByPlace = {
  master: 'master without id',
  manager: 'manager without id',
  'worker 0': 'worker 0',
  'worker 1': 'worker 1',
  'task worker 2': 'taskWorker 2',
};

describe('Overrides', () => {
  describe('in a simulation', () => {
    it('are told the role and the worker of their process', async () => {
      for (const override of [byPlace, byPlaceModule]) {
        expect(await greetings(await simulate(GreeterApp, { override }))).to.deep.equal(replacedByPlace);
      }
    });

    it('count in the roles under which they stand, and in no others', async () => {
      for (const override of [byRole, byRoleModule]) {
        expect(await greetings(await simulate(GreeterApp, { override }))).to.deep.equal(replacedByRole);
      }
    });

    it('are called anew for a worker that replaces another', async () => {
      await using server = await simulate(GreeterApp, { override: byRole });
      await server.crashWorker(1);
      await server.workersReady();
      const lines = server.logs().filter(({ message }) => message === 'greeting fake in worker 1');
      expect(lines.map(({ workerId }) => workerId)).to.deep.equal([1, 1]);
    });

    it('count in all the roles of a process of base mode, which is several at once', async () => {
      const asked: unknown[] = [];
      const override: Overrides = {
        manager: (_registry, place) => asked.push(['manager', place]),
        worker: (registry, place) => {
          asked.push(['worker', place]);
          registry.register(Greeting, { useValue: { text: 'fake' } });
        },
        taskWorker: () => asked.push('never'),
      };
      const settings = { mode: 'base', workerNum: 1, taskWorkerNum: 0 } as const;
      await using server = await simulate(GreeterApp, { settings, override });
      const place = { role: 'worker', roles: ['worker', 'master', 'manager'], workerId: 0 };
      expect(asked).to.deep.equal([
        ['manager', place],
        ['worker', place],
      ]);
      const client = await server.connect();
      client.send('\n');
      expect(await client.receiveLine()).to.equal('fake');
    });

    it('tell the first process of base mode with several workers from those', async () => {
      const settings = { mode: 'base', workerNum: 2, taskWorkerNum: 0 } as const;
      const { master, ...workers } = await greetings(
        await simulate(GreeterApp, { settings, override: byRole }),
      );
      expect(master).to.equal('fake in the master');
      expect(workers).to.deep.equal({ 'worker 0': 'fake in worker 0', 'worker 1': 'fake in worker 1' });
    });
  });

  describe('with real processes', () => {
    it('are told the role and the worker of their process', async () => {
      expect(await greetings(await launch(GreeterApp, { override: byPlaceModule }))).to.deep.equal(
        replacedByPlace,
      );
    }).timeout(60_000);

    it('count in the roles under which they stand, and in no others', async () => {
      expect(await greetings(await launch(GreeterApp, { override: byRoleModule.href }))).to.deep.equal(
        replacedByRole,
      );
    }).timeout(60_000);

    it('are found under the name of their export', async () => {
      const found = await greetings(
        await launch(GreeterApp, { override: byRoleModule, export: 'onlyTasks' }),
      );
      expect(found).to.include({ master: 'real', 'worker 0': 'real', 'task worker 2': 'fake for tasks' });
    }).timeout(60_000);

    it('refuse what is no module, before a process is started', async () => {
      const { code, message } = await reasonOf(launch(GreeterApp, { override: byRole as never }));
      expect(code).to.equal('CONFIG_INVALID');
      expect(message).to.match(/^override of launch\(\) must be the URL of a module/);
    });

    it('refuse a role that does not exist, with the list', async () => {
      const { code, message } = await reasonOf(
        launch(GreeterApp, { override: byRoleModule, export: 'misspelt' }),
      );
      expect(code).to.equal('CONFIG_INVALID');
      expect(message).to.equal(
        `the override of ${byRoleModule.href} names the role "taskworker"; there are master, manager, worker, taskWorker, userProcess.`,
      );
    }).timeout(60_000);
  });

  describe('that cannot be', () => {
    const refused = async (override: unknown): Promise<string> => {
      const { code, message } = await reasonOf(simulate(GreeterApp, { override: override as Overrides }));
      expect(code).to.equal('CONFIG_INVALID');
      return message;
    };

    it('name a role that does not exist', async () => {
      expect(await refused({ workers: byPlace })).to.equal(
        'override names the role "workers"; there are master, manager, worker, taskWorker, userProcess.',
      );
    });

    it('have something else than a function under a role', async () => {
      expect(await refused({ worker: Greeting.name })).to.match(
        /^override has under worker no function\. Give a /,
      );
    });

    it('are neither a function nor an object', async () => {
      for (const [override, name] of [
        [null, 'null'],
        [5, 'number'],
        [[byPlace], 'object'],
      ]) {
        expect(await refused(override)).to.match(new RegExp(`^override is ${String(name)}\\. Give a `));
      }
    });

    it('are not in the module', async () => {
      const module = new URL('../../fixtures/overrides/app.js', import.meta.url);
      expect(await refused(module)).to.match(
        /app\.js has no default export and no export named override\. Give a /,
      );
    });
  });
});
