import { expect } from 'chai';
import type { Definition, EventName, HandlerSpec, TimerPlace } from '@shoal/core/internal/definition';
import type { SettingsInput } from '@shoal/core/internal/config/load';
import type { ConfigError } from '@shoal/core/internal/errors';
import { checkHandlers } from '@shoal/core/internal/events/check-handlers';
import { settingsOf } from '../settings.js';

class Chat {}

function on(event: EventName, label: string, listener?: string): HandlerSpec {
  const target = { kind: 'function', run: () => {} } as const;
  return { event, label, target, ...(listener !== undefined && { listener }) };
}

function scoped(event: EventName, label: string): HandlerSpec {
  return {
    event,
    label,
    target: { kind: 'method', type: Chat, method: 'run', scope: 'connection', parameters: 1 },
  };
}

const listeners: SettingsInput['listeners'] = [
  { type: 'tcp', port: 0, name: 'chat' },
  { type: 'tcp', port: 0, name: 'admin' },
];

function check(handlers: readonly HandlerSpec[], input: Partial<SettingsInput> = {}): void {
  const definition: Definition = { name: 'App', settings: {}, handlers, timers: [] };
  checkHandlers(definition, settingsOf({ listeners, ...input }));
}

/** Two event workers, a task worker and, where it is asked for, a user process. */
function checkTimer(on: TimerPlace, taskWorkerNum = 1, processes: Definition['processes'] = []): void {
  const timers = [
    { interval: 5, label: 'Chat.beat', on, target: { kind: 'function', run: () => {} } },
  ] as const;
  const settings = settingsOf({ listeners, workerNum: 2, taskWorkerNum });
  checkHandlers({ name: 'App', settings: {}, handlers: [receive], timers, processes }, settings);
}

function problemOf(handlers: readonly HandlerSpec[], input: Partial<SettingsInput> = {}): ConfigError {
  try {
    check(handlers, input);
  } catch (error) {
    return error as ConfigError;
  }
  throw new Error('no problem was found');
}

const receive = on('receive', 'Chat.line');

describe('checkHandlers', () => {
  it('accepts a bare handler for all listeners, one for each, and both', () => {
    check([receive]);
    check([on('receive', 'a', 'chat'), on('receive', 'b', 'admin')]);
    check([receive, on('receive', 'b', 'admin'), on('connect', 'c'), on('connect', 'd', 'chat')]);
  });

  it('accepts hooks of one event any number of times', () => {
    check([receive, on('workerStart', 'a'), on('workerStart', 'b')]);
  });

  it('names a listener that nobody serves, and the remedy', () => {
    const error = problemOf([on('receive', 'Chat.line', 'chat')]);
    expect(error.code).to.equal('CONFIG_LISTENER_WITHOUT_HANDLER');
    expect(error.message)
      .to.include('listener admin has no @OnReceive')
      .and.include("@OnReceive({ listener: 'admin' })");
  });

  it('names a handler of a listener that does not exist, and those that do', () => {
    const error = problemOf([receive, on('close', 'Chat.left', 'chatt')]);
    expect(error.code).to.equal('CONFIG_UNKNOWN_LISTENER');
    expect(error.message).to.include("Chat.left serves listener 'chatt'").and.include("'chat', 'admin'");
  });

  it('names both handlers of one event', () => {
    const bare = problemOf([receive, on('receive', 'Other.line')]);
    expect(bare.code).to.equal('CONFIG_DUPLICATE_HANDLER');
    expect(bare.message).to.include(
      'Chat.line and Other.line both carry @OnReceive for the listeners that nobody names',
    );
    const named = problemOf([receive, on('adopt', 'a', 'chat'), on('adopt', 'b', 'chat')]);
    expect(named.code).to.equal('CONFIG_DUPLICATE_HANDLER');
    expect(named.message).to.include("a and b both carry @OnAdopt for listener 'chat'");
  });

  for (const event of ['connect', 'close', 'adopt'] as const) {
    it(`refuses ${event} under roundRobin in process mode, and takes it in base mode`, () => {
      const handlers = [receive, on(event, 'Chat.event')];
      const error = problemOf(handlers, { dispatchMode: 'roundRobin' });
      expect(error.code).to.equal('CONFIG_HANDLER_NEVER_RUNS');
      expect(error.message).to.include('Chat.event would never run').and.include("'roundRobin'");
      check(handlers, { dispatchMode: 'roundRobin', mode: 'base' });
      check(handlers, { dispatchMode: 'fixed' });
    });
  }

  it('takes connect and close, and no adopt, with enableUnsafeEvent', () => {
    const unsafe = { dispatchMode: 'preemptive', enableUnsafeEvent: true } as const;
    check([receive, on('connect', 'Chat.event'), on('close', 'Chat.left')], unsafe);
    expect(problemOf([receive, on('adopt', 'Chat.event')], unsafe).code).to.equal(
      'CONFIG_HANDLER_NEVER_RUNS',
    );
    expect(problemOf([scoped('receive', 'Chat.line')], unsafe).code).to.equal('CONFIG_SCOPE');
    expect(problemOf([receive, on('close', 'a')], { dispatchMode: 'leastInFlight' }).message).to.match(
      /choose 'fixed', or set enableUnsafeEvent$/,
    );
  });

  it("refuses scope 'connection' under roundRobin in process mode, and takes it in base mode", () => {
    const error = problemOf([scoped('receive', 'Chat.line')], { dispatchMode: 'roundRobin' });
    expect(error.code).to.equal('CONFIG_SCOPE');
    expect(error.message).to.include('Chat.line');
    check([scoped('receive', 'Chat.line')], { dispatchMode: 'roundRobin', mode: 'base' });
    check([scoped('receive', 'Chat.line')]);
  });

  describe('where there are listeners of datagrams', () => {
    const datagrams = { type: 'udp', port: 0, name: 'dns' } as const;
    const both = { listeners: [...listeners, datagrams] };
    const packet = on('packet', 'Dns.ask');

    it('wants @OnPacket for each of them, bare or by name', () => {
      check([receive, packet], both);
      check([receive, on('packet', 'Dns.ask', 'dns')], both);
      const { code, message } = problemOf([receive], both);
      expect(code).to.equal('CONFIG_LISTENER_WITHOUT_HANDLER');
      expect(message).to.include(
        "listener dns has no @OnPacket: add a bare one, or @OnPacket({ listener: 'dns' })",
      );
    });

    it('refuses events of connections on them, and @OnPacket on others', () => {
      const events = ['connect', 'receive', 'close', 'adopt'] as const;
      for (const event of events) {
        const { code, message } = problemOf([receive, packet, on(event, 'Dns.wrong', 'dns')], both);
        expect(code).to.equal('CONFIG_HANDLER_NEVER_RUNS');
        expect(message).to.include("'dns' is none: there it is @OnPacket");
      }
      const { code, message } = problemOf([receive, packet, on('packet', 'Chat.wrong', 'chat')], both);
      expect(code).to.equal('CONFIG_HANDLER_NEVER_RUNS');
      expect(message).to.include(
        "Chat.wrong would never run: @OnPacket is an event of a listener of datagrams, and 'chat' is none: there it is @OnReceive",
      );
    });

    it('refuses what serves no listener at all', () => {
      expect(problemOf([receive, packet]).message).to.include(
        '@OnPacket is an event of a listener of datagrams, and there is none',
      );
      expect(problemOf([receive, packet], { listeners: [datagrams] }).message).to.include(
        '@OnReceive is an event of a listener of connections, and there is none',
      );
      check([packet], { listeners: [datagrams] });
    });

    it('names both handlers of one of them, and a scope that it cannot have', () => {
      expect(problemOf([receive, packet, on('packet', 'Dns.too')], both).message).to.include(
        'Dns.ask and Dns.too both carry @OnPacket for the listeners that nobody names: keep one',
      );
      const { code, message } = problemOf([receive, scoped('packet', 'Dns.scoped')], both);
      expect(code).to.equal('CONFIG_SCOPE');
      expect(message).to.include("of a class with scope 'connection', and a datagram has no connection");
    });
  });

  it('names all problems at once', () => {
    const error = problemOf(
      [
        on('receive', 'Chat.line', 'chat'),
        on('receive', 'Chat.again', 'chat'),
        on('receive', 'Chat.typo', 'char'),
        on('connect', 'Chat.hello'),
      ],
      { dispatchMode: 'roundRobin' },
    );
    const lines = error.message.split('\n').filter((line) => line.startsWith('  - '));
    expect(lines).to.have.length(4);
    for (const word of ['listener admin', 'Chat.again', "'char'", 'Chat.hello'])
      expect(error.message).to.include(word);
  });

  it('accepts timers of every process that there is, by its id', () => {
    for (const on of ['every', 'one', 'task', 0, 2] as const) checkTimer(on);
    checkTimer(3, 1, [{ name: 'poller', body: { kind: 'function', run: () => {} } }]);
  });

  it('names a timer of a worker that there is not, and the ids that there are', () => {
    expect(() => checkTimer(3))
      .to.throw(
        'Chat.beat is a timer of worker 3, but the ids are 0 to 2 (workerNum 2, taskWorkerNum 1, 0 user',
      )
      .with.property('code', 'CONFIG_UNKNOWN_WORKER');
    expect(() => checkTimer(4, 1, [{ name: 'poller', body: { kind: 'function', run: () => {} } }])).to.throw(
      'the ids are 0 to 3',
    );
  });

  it('names a timer of task workers where there are none', () => {
    expect(() => checkTimer('task', 0))
      .to.throw('Chat.beat would never run: it is a timer of the task workers, and taskWorkerNum is 0')
      .with.property('code', 'CONFIG_HANDLER_NEVER_RUNS');
  });
});
