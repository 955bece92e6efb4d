/**
 * Plays a process that was only asked what it would do: tells whoever started
 * it, and leaves when that one closes the channel. No port is bound, no process
 * is started, no object of the application is made.
 */
import { isSticky } from '../config/dispatch-modes.js';
import { isStream } from '../config/limits.js';
import type { ListenerSettings, Settings } from '../config/load.js';
import type { Definition, EventName, ProcessBody } from '../definition.js';
import { loadDispatchModule } from '../dispatch/load-dispatch-module.js';
import { eventTable } from '../events/event-table.js';
import { handlersOf, hooksOf, packetHandlerOf } from '../events/handler-table.js';
import { ExitCode } from '../errors.js';
import { createFraming } from '../framing/create-framing.js';
import type { Plan } from '../pipe/plan.js';
import type { Platform } from '../platform/platform.js';
import type { Topology } from '../topology/topology.js';

interface Checked {
  readonly settings: Settings;
  readonly topology: Topology;
}

/** Rejects with a `ConfigError` for a framing or dispatch module that cannot be loaded; else never settles. */
export async function reportPlan(
  { platform, definition }: { readonly platform: Platform; readonly definition: Definition },
  checked: Checked,
): Promise<never> {
  for (const { framing } of checked.settings.listeners.filter(isStream)) await createFraming(framing);
  const { mode, dispatchModule } = checked.settings;
  if (mode === 'process' && dispatchModule !== undefined)
    await loadDispatchModule(dispatchModule, isSticky(checked.settings));
  const asker = platform.self.parent!;
  asker.onDisconnect(() => platform.self.exit(ExitCode.ok));
  asker.send(planOf(definition, checked));
  return new Promise<never>(() => {});
}

function planOf(definition: Definition, { settings, topology }: Checked): Plan {
  return {
    settings,
    topology,
    listeners: settings.listeners.map((listener) => {
      return { name: listener.name, handlers: labelsOf(definition, listener) };
    }),
    ...actionsOf(definition, undefined),
    userProcesses: (definition.processes ?? []).map(({ name, body }) => {
      return { name, body: bodyName(body), ...actionsOf(definition, name) };
    }),
  };
}

/** What a user process does, or all the others. */
function actionsOf(
  definition: Definition,
  process: string | undefined,
): Pick<Plan, 'hooks' | 'timers' | 'commands'> {
  const events = Object.keys(eventTable) as EventName[];
  return {
    hooks: events
      .filter((event) => eventTable[event].kind === 'hook')
      .flatMap((event) =>
        hooksOf(definition, event, process).map(({ label }) => ({
          event: eventTable[event].decorator,
          label,
        })),
      ),
    timers: definition.timers
      .filter((timer) => timer.process === process)
      .map(({ target: _target, process: _process, ...timer }) => timer),
    commands: hooksOf(definition, 'command', process).map(({ command, label }) => {
      const { name = '', on = 'workers' } = command ?? {};
      return { name, ...(process === undefined && { on }), label };
    }),
  };
}

function bodyName(body: ProcessBody): string {
  return body.kind === 'class' ? body.type.name : body.kind === 'module' ? body.url : 'a function';
}

function labelsOf(definition: Definition, listener: ListenerSettings): Plan['listeners'][number]['handlers'] {
  const { name } = listener;
  const handlers = isStream(listener)
    ? handlersOf(definition, name)
    : { packet: packetHandlerOf(definition, name) };
  const labels = Object.entries(handlers).flatMap(([event, handler]) =>
    handler === undefined ? [] : [[eventTable[event as EventName].decorator, handler.label] as const],
  );
  return Object.fromEntries(labels);
}
