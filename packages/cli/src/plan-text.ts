/** A plan for people: what runs, where it listens, who serves what. */
import { styleText } from 'node:util';
import type { Plan } from '@shoal/core/internal/pipe/plan';
import { isStream } from '@shoal/core/internal/config/limits';
import type { StreamListenerSettings } from '@shoal/core/internal/config/load';
import { group } from '@shoal/core/internal/config/reader';

type ListenerSettings = Plan['settings']['listeners'][number];

export function planText(plan: Plan, coloured: boolean): string {
  const title = (text: string): string =>
    coloured ? styleText('bold', text, { validateStream: false }) : text;
  const { settings } = plan;
  const sections = [
    [title(`${settings.name}: the configuration is valid`)],
    [title('processes'), ...processLines(plan)],
    ...settings.listeners.map((listener, index) => [
      title(`listener ${listener.name}`),
      ...listenerLines(plan, listener, index),
    ]),
    ...section(title('hooks and timers'), actionLines(plan)),
    ...plan.userProcesses.map((process) => [
      title(`user process ${process.name}`),
      row('runs', process.body),
      ...actionLines(process),
    ]),
    [title('settings'), ...settingLines(plan)],
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function processLines({ settings, topology, userProcesses }: Plan): string[] {
  const { workerNum, taskWorkerNum, reactorNum, dispatchMode, dispatchModule } = settings;
  const asked = dispatchModule === undefined ? '' : `${dispatchModule}, then `;
  const workers = row(
    'worker',
    `${workerNum}${topology.kind === 'process' ? `, dispatch ${asked}${dispatchMode}` : ''}`,
  );
  const taskWorkers = taskWorkerNum > 0 ? [row('task worker', String(taskWorkerNum))] : [];
  const queue =
    settings.taskIpcMode === 'socket' ? [] : [row('queue', `1, of tasks: ${settings.messageQueueKey}`)];
  const others = [...taskWorkers, ...userProcesses.map(({ name }) => row('user process', name)), ...queue];
  switch (topology.kind) {
    case 'process':
      return [
        row('master', `1, with ${reactorNum} reactor thread${reactorNum === 1 ? '' : 's'}`),
        row('manager', '1'),
        workers,
        ...others,
        row('together', String(topology.processes)),
      ];
    case 'base':
      return [
        row('manager', '1, base mode'),
        workers,
        ...others,
        row('together', String(topology.processes)),
      ];
    case 'single':
      return [row('together', '1, base mode with a single worker')];
  }
}

function listenerLines({ topology, listeners }: Plan, listener: ListenerSettings, index: number): string[] {
  const reactors = topology.reactors.flatMap((all, reactor) => (all.includes(index) ? [reactor] : []));
  return [
    row('address', addressText(listener)),
    ...(isStream(listener) ? [row('framing', framingText(listener))] : [row('packets', 'datagrams')]),
    ...(topology.kind === 'process'
      ? [row('reactor', reactors.map((index) => `number ${index}`).join(', '))]
      : []),
    ...Object.entries(listeners[index]?.handlers ?? {}).map(([event, label]) => row(event, label)),
  ];
}

function framingText({ framing, packageMaxLength }: StreamListenerSettings): string {
  return `${framing.kind}, packets of at most ${group(packageMaxLength)} bytes`;
}

function addressText(listener: ListenerSettings): string {
  if (listener.type === 'unix') return `unix ${listener.path}, mode ${listener.mode.toString(8)}`;
  const { type, host, port } = listener;
  return `${type} ${host.includes(':') ? `[${host}]` : host}:${port === 0 ? 'a free port' : port}`;
}

function section(title: string, lines: readonly string[]): string[][] {
  return lines.length === 0 ? [] : [[title, ...lines]];
}

function actionLines({ hooks, timers, commands }: Pick<Plan, 'hooks' | 'timers' | 'commands'>): string[] {
  return [
    ...hooks.map(({ event, label }) => row(event, label)),
    ...timers.map((timer) => row(timer.once === true ? 'After' : 'Tick', timerText(timer))),
    ...commands.map(({ name, on, label }) => {
      return row(
        'OnCommand',
        `${label}, '${name}'${on === undefined || on === 'workers' ? '' : ` on the ${on}`}`,
      );
    }),
  ];
}

function timerText({ label, interval, once, on = 'every' }: Plan['timers'][number]): string {
  const when = `${label}, ${once === true ? 'after' : 'every'} ${group(interval)} ms`;
  switch (on) {
    case 'every':
      return when;
    case 'one':
      return `${when}, in one worker at a time`;
    case 'task':
      return `${when}, in every task worker`;
    default:
      return `${when}, in worker ${on}`;
  }
}

/** With defaults filled in. Those of the listeners are in the plan as JSON. */
function settingLines({ settings }: Plan): string[] {
  return Object.entries(settings)
    .filter(([name]) => name !== 'name' && name !== 'listeners')
    .map(([name, value]) => row(name, typeof value === 'object' ? JSON.stringify(value) : setting(value)));
}

function setting(value: unknown): string {
  return typeof value === 'number' ? group(value) : String(value);
}

function row(name: string, text: string): string {
  return `  ${name.padEnd(15)} ${text}`;
}
