/**
 * What a reload cannot apply, because the processes that run it live on: hooks
 * of master and manager, user processes, and modules of the reactors. Each is known by name and
 * fingerprint, so that a worker which has loaded the code on disk can say what
 * has changed there.
 *
 * The fingerprint of a hook is that of its own source text. What it calls may
 * have changed as well, which nobody can tell without running it.
 */
import { isStream } from '../config/limits.js';
import type { Settings } from '../config/load.js';
import type { Definition, ProcessBody, RoleName, Target } from '../definition.js';
import { eventTable } from './event-table.js';
import { rolesOf } from './handler-table.js';

/** By name. */
export type Fingerprints = Readonly<Record<string, string>>;

const LASTING: readonly RoleName[] = ['master', 'manager'];

/** `fingerprintOf` stands for the content of a module, by its URL. */
export function fixedParts(
  definition: Definition,
  settings: Settings,
  fingerprintOf: (url: string) => string,
): Fingerprints {
  const parts: Record<string, string> = {};
  for (const spec of definition.handlers) {
    const { event, label, target } = spec;
    const { decorator } = eventTable[event];
    if (rolesOf(spec).some((role) => LASTING.includes(role)))
      parts[`@${decorator} ${label}`] = hashOf(sourceOf(target));
  }
  for (const { framing } of settings.listeners.filter(isStream))
    if (framing.kind === 'custom') parts[`framing ${framing.module}`] = fingerprintOf(framing.module);
  const { dispatchModule } = settings;
  if (dispatchModule !== undefined && settings.mode === 'process')
    parts[`dispatch ${dispatchModule}`] = fingerprintOf(dispatchModule);
  for (const { name, body } of definition.processes ?? [])
    parts[`process ${name}`] = body.kind === 'module' ? fingerprintOf(body.url) : hashOf(bodyText(body));
  return parts;
}

function bodyText(body: Exclude<ProcessBody, { kind: 'module' }>): string {
  return String(body.kind === 'class' ? body.type : body.run);
}

/** The names of the parts that are not the same on both sides. */
export function changedParts(running: Fingerprints, onDisk: Fingerprints): string[] {
  const names = new Set([...Object.keys(running), ...Object.keys(onDisk)]);
  return [...names].filter((name) => running[name] !== onDisk[name]);
}

function sourceOf(target: Target): string {
  if (target.kind === 'function') return String(target.run);
  return String((target.type.prototype as Record<string, unknown>)[target.method]);
}

/** FNV-1a in 32 bits, of the text without its layout: a change that goes unseen costs a hint, nothing more. */
function hashOf(source: string): string {
  const text = source.replace(/\s+/g, ' ');
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(16);
}
