import { isSticky } from '../config/dispatch-modes.js';
import { isStream } from '../config/limits.js';
import type { Settings } from '../config/load.js';
import type { Definition, EventName, HandlerSpec } from '../definition.js';
import { ConfigError } from '../errors.js';
import { processProblems, type HandlerProblem } from './check-processes.js';
import { streamProblems } from './check-streams.js';
import { eventTable } from './event-table.js';
import { handlersOf, packetHandlerOf } from './handler-table.js';

/**
 * Finds handlers that cannot work with these settings, all at once: listeners
 * that nobody serves, two handlers for one event, names that do not exist,
 * handlers and timers that would never be called.
 */
export function checkHandlers(definition: Definition, settings: Settings): void {
  const problems: HandlerProblem[] = [
    ...processProblems(definition),
    ...timerProblems(definition, settings),
    ...streamProblems(definition, settings),
  ];
  const names = settings.listeners.map((listener) => listener.name);
  for (const listener of settings.listeners) {
    const { name } = listener;
    const { receive, connection } = handlersOf(definition, name);
    const served = isStream(listener) ? (receive ?? connection) : packetHandlerOf(definition, name);
    if (served !== undefined) continue;
    const decorator = isStream(listener) ? 'OnReceive' : 'OnPacket';
    const streams = isStream(listener) ? ', or @OnConnection for streams' : '';
    problems.push({
      code: 'CONFIG_LISTENER_WITHOUT_HANDLER',
      text: `listener ${name} has no @${decorator}: add a bare one, or @${decorator}({ listener: '${name}' })${streams}`,
    });
  }
  const seen = new Map<string, HandlerSpec>();
  for (const handler of definition.handlers) {
    const { kind } = eventTable[handler.event];
    if (kind === 'hook' || kind === 'command') continue;
    if (handler.listener !== undefined && !names.includes(handler.listener)) {
      problems.push({
        code: 'CONFIG_UNKNOWN_LISTENER',
        text: `${handler.label} serves listener '${handler.listener}', but the listeners are ${names.map(quote).join(', ')}`,
      });
    }
    const key = `${handler.event} ${handler.listener ?? ''} ${handler.name ?? ''} ${handler.process ?? ''}`;
    const first = seen.get(key);
    if (first === undefined) seen.set(key, handler);
    else problems.push({ code: 'CONFIG_DUPLICATE_HANDLER', text: duplicate(first, handler) });
    problems.push(
      ...transportProblems(handler, settings),
      ...unorderedProblems(handler, settings),
      ...taskProblems(handler, settings),
    );
  }
  const [first] = problems;
  if (first === undefined) return;
  const list = problems.map((problem) => `  - ${problem.text}`).join('\n');
  throw new ConfigError(first.code, `the handlers of ${definition.name} do not fit its settings:\n${list}`);
}

/** Timers of processes that there are not. */
function timerProblems({ timers, processes = [] }: Definition, settings: Settings): HandlerProblem[] {
  const { workerNum, taskWorkerNum } = settings;
  const ids = workerNum + taskWorkerNum + processes.length;
  return timers.flatMap(({ label, on }): HandlerProblem[] => {
    if (on === 'task' && taskWorkerNum === 0) {
      const text = `${label} would never run: it is a timer of the task workers, and taskWorkerNum is 0; set it to 1 or more, or leave { on: 'task' } out`;
      return [{ code: 'CONFIG_HANDLER_NEVER_RUNS', text }];
    }
    if (typeof on !== 'number' || on < ids) return [];
    const text = `${label} is a timer of worker ${on}, but the ids are 0 to ${ids - 1} (workerNum ${workerNum}, taskWorkerNum ${taskWorkerNum}, ${processes.length} user processes); name one of them, or 'one'`;
    return [{ code: 'CONFIG_UNKNOWN_WORKER', text }];
  });
}

/** Connections have other events than datagrams. */
function transportProblems(handler: HandlerSpec, { listeners }: Settings): HandlerProblem[] {
  const { kind, decorator } = eventTable[handler.event];
  if (kind !== 'connection' && kind !== 'datagram') return [];
  const { label, target, listener: name } = handler;
  const fits = listeners.filter((each) => isStream(each) === (kind === 'connection'));
  const served = name === undefined ? fits : fits.filter((each) => each.name === name);
  const problems: HandlerProblem[] = [];
  if (served.length === 0 && (name === undefined || listeners.some((each) => each.name === name))) {
    const what = kind === 'connection' ? 'a listener of connections' : 'a listener of datagrams';
    const instead = kind === 'connection' ? '@OnPacket' : '@OnReceive';
    const where = name === undefined ? 'there is none' : `'${name}' is none: there it is ${instead}`;
    const text = `${label} would never run: @${decorator} is an event of ${what}, and ${where}`;
    problems.push({ code: 'CONFIG_HANDLER_NEVER_RUNS', text });
  }
  if (kind === 'datagram' && target.kind === 'method' && target.scope === 'connection') {
    const text = `${label} is of a class with scope 'connection', and a datagram has no connection; choose scope 'process'`;
    problems.push({ code: 'CONFIG_SCOPE', text });
  }
  return problems;
}

/** Dispatch modes that choose a worker for each packet know no order and no events of a connection. */
function unorderedProblems(handler: HandlerSpec, settings: Settings): HandlerProblem[] {
  if (isSticky(settings)) return [];
  const mode = settings.dispatchMode;
  const always: EventName[] = ['adopt', 'bufferFull', 'bufferEmpty'];
  const unlessUnsafe: EventName[] = ['connect', 'close'];
  const canBeUnsafe = unlessUnsafe.includes(handler.event);
  if (always.includes(handler.event) || (canBeUnsafe && !settings.enableUnsafeEvent)) {
    const unsafe = canBeUnsafe ? ', or set enableUnsafeEvent' : '';
    const text = `${handler.label} would never run: dispatchMode '${mode}' has no events of connections but receive; remove it, or choose 'fixed'${unsafe}`;
    return [{ code: 'CONFIG_HANDLER_NEVER_RUNS', text }];
  }
  if (handler.target.kind === 'method' && handler.target.scope === 'connection') {
    const text = `${handler.label} is of a class with scope 'connection', but dispatchMode '${mode}' serves a connection in several workers; choose 'fixed', or scope 'process'`;
    return [{ code: 'CONFIG_SCOPE', text }];
  }
  return [];
}

/** Tasks are done in task workers alone. */
function taskProblems(handler: HandlerSpec, settings: Settings): HandlerProblem[] {
  if (handler.event !== 'task' || settings.taskWorkerNum > 0) return [];
  const text = `${handler.label} would never run: taskWorkerNum is 0; set it, or remove the handler`;
  return [{ code: 'CONFIG_HANDLER_NEVER_RUNS', text }];
}

function duplicate(first: HandlerSpec, second: HandlerSpec): string {
  const { decorator, kind } = eventTable[first.event];
  if (kind === 'message') {
    const what = first.name === undefined ? 'without a name' : `for '${first.name}'`;
    return `${first.label} and ${second.label} both carry @${decorator} ${what}: keep one`;
  }
  const where =
    first.listener === undefined ? 'the listeners that nobody names' : `listener '${first.listener}'`;
  return `${first.label} and ${second.label} both carry @${decorator} for ${where}: keep one`;
}

function quote(name: string): string {
  return `'${name}'`;
}
