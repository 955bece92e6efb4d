import { expect } from 'chai';
import type { Definition, EventName, HandlerSpec, ProcessSpec } from '@shoal/core/internal/definition';
import { processNameProblem, processProblems } from '@shoal/core/internal/events/check-processes';

const target = { kind: 'function', run: () => {} } as const;

function spec(event: EventName, label: string, more: Partial<HandlerSpec> = {}): HandlerSpec {
  return { event, label, target, ...more };
}

function processes(...names: readonly string[]): readonly ProcessSpec[] {
  return names.map((name) => ({ name, body: target }));
}

function problems(part: Partial<Definition>): readonly string[] {
  const definition: Definition = { name: 'App', settings: {}, handlers: [], timers: [], ...part };
  return processProblems(definition).map(({ code, text }) => `${code}: ${text}`);
}

describe('The check of user processes', () => {
  it('wants a name of its own for each, and none that commands know already', () => {
    expect(problems({ processes: processes('a', 'b') })).to.deep.equal([]);
    expect(problems({ processes: processes('a', '', 'a', 'master') })).to.deep.equal([
      'CONFIG_INVALID: a user process needs a name that is not empty',
      "CONFIG_INVALID: two user processes are called 'a': give one another name",
      "CONFIG_INVALID: a user process cannot be called 'master': commands know the master by that name",
    ]);
    expect(processNameProblem(7)).to.equal('a user process needs a name that is not empty');
    expect(processNameProblem('manager')).to.include("cannot be called 'manager'");
  });

  it('lets hooks of workers, timers and commands run there, and no other event', () => {
    const process = 'poller';
    const events = ['workerStart', 'workerExit', 'workerStop'] as const;
    const fits = [
      ...events.map((event) => spec(event, event, { process })),
      spec('command', 'asked', { process, command: { name: 'x' } }),
    ];
    const timers = [{ interval: 1, label: 'beat', process, target }];
    expect(problems({ processes: processes(process), handlers: fits, timers })).to.deep.equal([]);

    const misfits = [
      spec('receive', 'Poller.line', { process }),
      spec('start', 'Poller.begin', { process }),
      spec('workerError', 'Poller.died', { process }),
      spec('command', 'Poller.asked', { process, command: { name: 'x', on: 'master' } }),
    ];
    expect(problems({ processes: processes(process), handlers: misfits })).to.deep.equal([
      'CONFIG_HANDLER_NEVER_RUNS: Poller.line carries @OnReceive, an event of the workers that serve connections, and ' +
        "would never run in the user process 'poller': move it into a class with @Handler",
      'CONFIG_HANDLER_NEVER_RUNS: Poller.begin carries @OnStart, an event of the master, and would never run in the ' +
        "user process 'poller': move it into a class with @Handler",
      'CONFIG_HANDLER_NEVER_RUNS: Poller.died carries @OnWorkerError, an event of the manager, and would never run in ' +
        "the user process 'poller': move it into a class with @Handler",
      "CONFIG_INVALID: Poller.asked is of the user process 'poller' and is asked there: leave out on: 'master'",
    ]);
  });

  it('names the processes that there are when a handler names another', () => {
    const handlers = [spec('workerStart', 'begin', { process: 'poler' })];
    const timers = [{ interval: 1, label: 'beat', process: 'poler', target }];
    expect(problems({ handlers })).to.deep.equal([
      "CONFIG_INVALID: begin is to run in the user process 'poler', and there is none",
    ]);
    expect(problems({ processes: processes('poller', 'b'), timers })).to.deep.equal([
      "CONFIG_INVALID: beat is to run in the user process 'poler', and there are 'poller', 'b'",
    ]);
  });

  it('wants one handler for each command and place', () => {
    const command = { name: 'x' };
    const one = spec('command', 'One.x', { command });
    const elsewhere = [
      spec('command', 'Two.x', { command: { name: 'y' } }),
      spec('command', 'Three.x', { command: { name: 'x', on: 'master' } }),
      spec('command', 'Four.x', { command: { name: 'x', on: 'manager' } }),
      spec('command', 'Five.x', { command, process: 'a' }),
    ];
    expect(problems({ processes: processes('a'), handlers: [one, ...elsewhere] })).to.deep.equal([]);
    const again = spec('command', 'Six.x', { command: { name: 'x', on: 'workers' } });
    expect(problems({ handlers: [one, again] })).to.deep.equal([
      "CONFIG_DUPLICATE_HANDLER: One.x and Six.x both answer the command 'x' in the same processes: keep one",
    ]);
  });
});
