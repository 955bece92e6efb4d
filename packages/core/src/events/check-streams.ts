import { isSticky } from '../config/dispatch-modes.js';
import { isStream } from '../config/limits.js';
import type { Settings } from '../config/load.js';
import type { Definition, EventName, HandlerSpec } from '../definition.js';
import type { HandlerProblem } from './check-processes.js';
import { eventTable } from './event-table.js';
import { handlersOf } from './handler-table.js';

/** What a listener that is served as streams does not have. */
const OF_PACKETS: readonly EventName[] = ['connect', 'adopt', 'receive'];

/** Streams are of raw listeners, in dispatch modes that serve a connection in one worker, and have no events of packets. */
export function streamProblems(definition: Definition, settings: Settings): HandlerProblem[] {
  return settings.listeners.filter(isStream).flatMap(({ name, framing }): HandlerProblem[] => {
    const { connection, receive, drain } = handlersOf(definition, name);
    if (connection === undefined) {
      const rival = definition.handlers.find(
        ({ event, listener }) => event === 'connection' && listener === receive?.listener,
      );
      if (rival !== undefined && receive !== undefined) return [bothServe(name, receive, rival)];
      return drain?.listener === name && framing.kind !== 'raw'
        ? [neverDrains(name, framing.kind, drain)]
        : [];
    }
    const problems: HandlerProblem[] = [];
    if (framing.kind !== 'raw') {
      const text = `${connection.label} serves listener ${name} as streams, and its framing is '${framing.kind}'; set framing: raw(), or use @OnReceive`;
      problems.push({ code: 'CONFIG_HANDLER_NEVER_RUNS', text });
    }
    if (!isSticky(settings)) {
      const text = `${connection.label} serves listener ${name} as streams, but dispatchMode '${settings.dispatchMode}' serves a connection in several workers; choose 'fixed'`;
      problems.push({ code: 'CONFIG_HANDLER_NEVER_RUNS', text });
    }
    for (const { event, listener, label } of definition.handlers) {
      if (listener !== name || !OF_PACKETS.includes(event)) continue;
      const text = `${label} would never run: ${connection.label} serves listener ${name} as streams, which have no @${eventTable[event].decorator}; remove one of them`;
      problems.push({ code: 'CONFIG_HANDLER_NEVER_RUNS', text });
    }
    return problems;
  });
}

function bothServe(name: string, { label }: HandlerSpec, rival: HandlerSpec): HandlerProblem {
  const text = `${label} and ${rival.label} both serve listener ${name}, one its packets and one its streams; keep one, or name the listener of each`;
  return { code: 'CONFIG_DUPLICATE_HANDLER', text };
}

function neverDrains(name: string, framing: string, { label }: HandlerSpec): HandlerProblem {
  const text = `${label} would never run: it is for pinned connections, and listener ${name} has the framing '${framing}', of which there are no streams; remove it, or set framing: raw()`;
  return { code: 'CONFIG_HANDLER_NEVER_RUNS', text };
}
