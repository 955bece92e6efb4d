import { expect } from 'chai';
import type {
  Constructor,
  Container,
  Definition,
  HandlerSpec,
  RoleName,
} from '@shoal/core/internal/definition';
import { bind, handlersOf, hooksOf, runsIn, typesOf } from '@shoal/core/internal/events/handler-table';
import { timersAt } from '@shoal/core/internal/events/timer-place';

class First {}
class Second {}
class Third {}

function method(
  event: HandlerSpec['event'],
  label: string,
  type: Constructor,
  scope: 'process' | 'connection' = 'process',
): HandlerSpec {
  return { event, label, target: { kind: 'method', type, method: label, scope, parameters: 2 } };
}

function definition(handlers: readonly HandlerSpec[]): Definition {
  return { name: 'App', settings: {}, handlers, timers: [] };
}

describe('handler table', () => {
  it('prefers a handler that names the listener, for each event on its own', () => {
    const named = { ...method('receive', 'named', First), listener: 'admin' };
    const app = definition([method('receive', 'bare', First), named, method('close', 'closed', First)]);
    expect(handlersOf(app, 'admin').receive?.label).to.equal('named');
    expect(handlersOf(app, 'chat').receive?.label).to.equal('bare');
    expect(handlersOf(app, 'admin').close?.label).to.equal('closed');
    expect(handlersOf(app, 'admin').connect).to.equal(undefined);
  });

  it('runs hooks in the order of the handlers, and those that stop in reverse', () => {
    const names = ['a', 'b', 'c'];
    for (const event of ['start', 'managerStart', 'workerStart', 'workerError'] as const) {
      const hooks = hooksOf(definition(names.map((name) => method(event, name, First))), event);
      expect(hooks.map(({ label }) => label)).to.deep.equal(names);
    }
    for (const event of ['shutdown', 'managerStop', 'workerStop'] as const) {
      const hooks = hooksOf(definition(names.map((name) => method(event, name, First))), event);
      expect(hooks.map(({ label }) => label)).to.deep.equal([...names].reverse());
    }
  });

  it('knows which classes a role needs, each once, in the order of the handlers', () => {
    const app: Definition = {
      ...definition([
        method('start', 'begin', First),
        method('receive', 'line', Second, 'connection'),
        method('workerStart', 'boot', Third),
        method('close', 'left', Second, 'connection'),
      ]),
      timers: [
        {
          interval: 5,
          label: 'beat',
          target: { kind: 'method', type: First, method: 'beat', scope: 'process', parameters: 0 },
        },
      ],
    };
    expect(typesOf(app, 'master', [])).to.deep.equal({ process: [First], connection: [] });
    expect(typesOf(app, 'manager', [])).to.deep.equal({ process: [], connection: [] });
    expect(typesOf(app, 'worker', app.timers)).to.deep.equal({
      process: [Third, First],
      connection: [Second],
    });
    expect(typesOf(app, 'taskWorker', [])).to.deep.equal({ process: [Third], connection: [] });
  });

  it('leaves to a user process what names it, and nothing else', () => {
    const start = method('workerStart', 'boot', First);
    const own = { ...method('workerStart', 'ownBoot', Second), process: 'poller' };
    const beat = {
      interval: 5,
      label: 'beat',
      process: 'poller',
      target: { kind: 'method', type: Second, method: 'beat', scope: 'process', parameters: 0 },
    } as const;
    const app: Definition = {
      ...definition([start, own]),
      timers: [beat],
      processes: [
        { name: 'poller', body: { kind: 'class', type: Third } },
        { name: 'idle', body: { kind: 'function', run: () => {} } },
      ],
    };
    const at = (process: string | undefined, role: RoleName = 'userProcess') =>
      timersAt(app, { role, process, workerId: 5, workerNum: 2 });
    expect(typesOf(app, 'userProcess', at('poller'), 'poller')).to.deep.equal({
      process: [Third, Second],
      connection: [],
    });
    expect(typesOf(app, 'userProcess', at('idle'), 'idle')).to.deep.equal({ process: [], connection: [] });
    expect(typesOf(app, 'worker', at(undefined, 'worker'))).to.deep.equal({
      process: [First],
      connection: [],
    });
    expect(hooksOf(app, 'workerStart', 'poller')).to.deep.equal([own]);
    expect(hooksOf(app, 'workerStart')).to.deep.equal([start]);
    expect([at(undefined, 'worker'), at('poller'), at('idle')]).to.deep.equal([[], [beat], []]);
  });

  it('knows where a command is asked: in workers and task workers, or where it says', () => {
    const command = (on?: 'workers' | 'master' | 'manager'): HandlerSpec => ({
      ...method('command', 'line', First),
      command: { name: 'refresh', ...(on !== undefined && { on }) },
    });
    const roles = ['master', 'manager', 'worker', 'taskWorker', 'userProcess'] as const;
    const where = (spec: HandlerSpec) => roles.filter((role) => runsIn(spec, role, 'poller'));
    expect(where(command())).to.deep.equal(['worker', 'taskWorker']);
    expect(where(command('workers'))).to.deep.equal(['worker', 'taskWorker']);
    expect(where(command('master'))).to.deep.equal(['master']);
    expect(where(command('manager'))).to.deep.equal(['manager']);
    expect(where({ ...command(), process: 'poller' })).to.deep.equal(['userProcess']);
    expect(where({ ...command(), process: 'other' })).to.deep.equal([]);
  });

  it('binds a method to the object of its scope', () => {
    const owner = (name: string) => ({
      resolve: () => ({
        name,
        line(this: { name: string }) {
          return this.name;
        },
      }),
    });
    const container = owner('of the process') as unknown as Container;
    const scope = { ...owner('of the connection'), dispose: async () => {} };
    const once = bind(method('receive', 'line', First), container, scope);
    expect([once.run(), once.event, once.label, once.parameters]).to.deep.equal([
      'of the process',
      'receive',
      'line',
      2,
    ]);
    expect(bind(method('receive', 'line', First, 'connection'), container, scope).run()).to.equal(
      'of the connection',
    );
    expect(() => bind(method('receive', 'line', First), undefined)).to.throw('line needs a container');
  });

  it('counts the declared parameters of a function, and calls it a tick when it is a timer', () => {
    const run = (_a: unknown, _b: unknown, _c: unknown): void => {};
    expect(
      bind({ event: 'receive', label: 'f', target: { kind: 'function', run } }, undefined).parameters,
    ).to.equal(3);
    expect(bind({ interval: 1, label: 'f', target: { kind: 'function', run } }, undefined).event).to.equal(
      'tick',
    );
  });
});
