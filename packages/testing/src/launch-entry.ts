/**
 * The program of a launched server, in every one of its processes. The master
 * talks to the test over its channel, and leaves when the test is gone; its
 * children are the kernel's own business.
 */
import { readFileSync } from 'node:fs';
import { Server, type RunningServer } from '@shoal/core';
import type { Definition } from '@shoal/core/internal/definition';
import { ExitCode, exitCodeOf, toWire } from '@shoal/core/internal/errors';
import { realWorld } from '@shoal/core/internal/kernel/real-world';
import { readAssignment } from '@shoal/core/internal/platform/node/assignment';
import { readDefinition } from '@shoal/decorators';
import type { AppClass } from './application.js';
import type { RunningInfo } from './harness.js';
import type { FromLaunched, LaunchPlan, ToLaunched, Wanted } from './launch-messages.js';
import { loadOverride } from './override.js';

const isMaster = readAssignment() === undefined;
if (isMaster) {
  process.once('disconnect', () => process.exit(ExitCode.orphaned));
  // The test may have died while the modules above were loaded: then that event is over.
  if (!process.connected) process.exit(ExitCode.orphaned);
}

try {
  const definition = await readPlan(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as LaunchPlan);
  const running = await new Server(definition, realWorld()).start();
  process.on('message', (question: ToLaunched) => void answer(running, question));
  // The channel alone is no reason to stay.
  process.channel?.unref();
  tell({ type: 'ready', running: infoOf(running) });
} catch (error) {
  // As the program of a user would: what cannot be loaded ends its process.
  if (!isMaster) throw error;
  tell({ type: 'failed', error: toWire(error) }, () => process.exit(exitCodeOf(error)));
}

async function readPlan(plan: LaunchPlan): Promise<Definition> {
  const { [plan.exportName]: App } = (await import(plan.module)) as Record<string, AppClass>;
  if (App === undefined)
    throw new Error(`${plan.module} has no export named ${plan.exportName} in this process`);
  const override =
    plan.override === undefined ? undefined : await loadOverride(plan.override, plan.overrideExport);
  const definition = readDefinition(App, plan.settings, override === undefined ? {} : { override });
  return { ...definition, settings: inFreePlaces(definition.settings) };
}

/**
 * Every listener on a free port of this machine alone, or on a path in the
 * directory of the test. What is not a list of listeners is left to the validation.
 */
function inFreePlaces(given: Definition['settings']): object {
  const settings = typeof given === 'function' ? given() : given;
  const { listeners, runtimeDirectory } = settings as { listeners?: unknown; runtimeDirectory?: string };
  if (!Array.isArray(listeners)) return settings;
  const place = (listener: unknown, index: number): unknown => {
    if (typeof listener !== 'object' || listener === null) return listener;
    if ('port' in listener) return { ...listener, host: isIPv6(listener) ? '::1' : '127.0.0.1', port: 0 };
    // Its name stays, which is its path where it has none.
    if ('path' in listener)
      return { name: listener.path, ...listener, path: `${runtimeDirectory}/listener-${index}` };
    return listener;
  };
  return { ...settings, listeners: listeners.map(place) };
}

/** A socket for datagrams sends to its own family alone, so it keeps that. */
function isIPv6(listener: object): boolean {
  const { type, host } = listener as { readonly type?: unknown; readonly host?: unknown };
  return type === 'udp' && typeof host === 'string' && host.includes(':');
}

async function answer(running: RunningServer, { request, wants }: ToLaunched): Promise<void> {
  try {
    const result = await resultOf(running, wants);
    tell({ type: 'answer', request, running: infoOf(running), ...(result !== undefined && { result }) });
  } catch (error) {
    tell({ type: 'refusal', request, error: toWire(error) });
  }
}

async function resultOf(running: RunningServer, wants: Wanted): Promise<unknown> {
  switch (wants.what) {
    case 'running':
      return undefined;
    case 'stats':
      return running.stats();
    case 'status':
      return running.status();
    case 'reload':
      return running.reload(wants.only === undefined ? {} : { only: wants.only });
    case 'stop':
      return running.stop(wants.workerId);
  }
}

function infoOf({ listeners, masterPid, managerPid, workers }: RunningServer): RunningInfo {
  return { listeners, masterPid, managerPid, workers };
}

function tell(message: FromLaunched, sent: () => void = () => {}): void {
  if (process.send === undefined) throw new Error('this program is started by launch() of @shoal/testing');
  process.send(message, undefined, undefined, () => sent());
}
