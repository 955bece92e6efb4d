import { expect } from 'chai';
import type { Constructor, Container, Definition, HandlerSpec } from '@shoal/core/internal/definition';
import { bind, handlersOf, hooksOf, typesOf } from '@shoal/core/internal/events/handler-table';

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
