/**
 * Plays a process that was only asked what it would do: tells whoever started
 * it, and leaves when that one closes the channel. No port is bound, no process
 * is started, no object of the application is made.
 */
import type { Settings } from '../config/load.js';
import type { Definition, EventName } from '../definition.js';
import { eventTable } from '../events/event-table.js';
import { handlersOf, hooksOf } from '../events/handler-table.js';
import { ExitCode } from '../errors.js';
import { createFraming } from '../framing/create-framing.js';
import type { Plan } from '../pipe/messages.js';
import type { Platform } from '../platform/platform.js';
import type { Topology } from '../topology/topology.js';

interface Checked {
  readonly settings: Settings;
  readonly topology: Topology;
}

/** Rejects with `ConfigError` CONFIG_FRAMING_MODULE for a custom framing that cannot be loaded; else never settles. */
export async function reportPlan(
  { platform, definition }: { readonly platform: Platform; readonly definition: Definition },
  checked: Checked,
): Promise<never> {
  for (const { framing } of checked.settings.listeners) await createFraming(framing);
  const asker = platform.self.parent!;
  asker.onDisconnect(() => platform.self.exit(ExitCode.ok));
  asker.send(planOf(definition, checked));
  return new Promise<never>(() => {});
}

function planOf(definition: Definition, { settings, topology }: Checked): Plan {
  const events = Object.keys(eventTable) as EventName[];
  return {
    settings,
    topology,
    listeners: settings.listeners.map(({ name }) => ({ name, handlers: labelsOf(definition, name) })),
    hooks: events
      .filter((event) => eventTable[event].kind === 'hook')
      .flatMap((event) =>
        hooksOf(definition, event).map(({ label }) => ({ event: eventTable[event].decorator, label })),
      ),
    timers: definition.timers.map(({ target: _target, ...timer }) => timer),
    userProcesses: definition.processes?.map(({ name }) => name) ?? [],
  };
}

function labelsOf(definition: Definition, listener: string): Plan['listeners'][number]['handlers'] {
  const labels = Object.entries(handlersOf(definition, listener)).flatMap(([event, handler]) =>
    handler === undefined ? [] : [[eventTable[event as EventName].decorator, handler.label] as const],
  );
  return Object.fromEntries(labels);
}
