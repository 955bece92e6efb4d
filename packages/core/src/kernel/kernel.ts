/**
 * Finds out which role this process plays, and plays it. Alone in knowing all
 * roles.
 *
 * The user's program is loaded in every process. The process that the user
 * started has no assignment: it reads the settings and becomes the first
 * process. Every other one was started by a role and finds its assignment.
 */
import { loadSettings, type Settings } from '../config/load.js';
import type { Definition, RoleName } from '../definition.js';
import { ConfigError } from '../errors.js';
import { checkHandlers } from '../events/check-handlers.js';
import type { ConfiguredFact } from '../events/facts.js';
import { Master } from '../master/master.js';
import type { Answerer } from '../pipe/inquiries.js';
import { workerTitle, type Assignment, type Peer } from '../pipe/messages.js';
import type { Platform } from '../platform/platform.js';
import { topologyOf, type Topology } from '../topology/topology.js';
import { descriptorsOf } from './activation.js';
import { BasePlant } from './base-plant.js';
import { FirstProcess, type Plant } from './first-process.js';
import { playManager } from './manager-role.js';
import { PidFile } from './pid-file.js';
import { ProcessContext, type RolePowers, type ServerObject } from './process-context.js';
import { reportPlan } from './report-plan.js';
import type { RunningServer } from './running-server.js';
import { SinglePlant } from './single-plant.js';
import { playWorker } from './worker-role.js';

export interface KernelParts {
  readonly platform: Platform;
  readonly definition: Definition;
  readonly server: ServerObject;
}

/** Resolves in the first process once every worker is ready; never in any other, which leaves by `exit`. */
export async function startRole(parts: KernelParts): Promise<RunningServer> {
  const { platform } = parts;
  const assignment = platform.self.assignment as Assignment | undefined;
  if (assignment === undefined) return startFirst(parts);
  if (assignment.role === 'check') return reportPlan(parts, plan(parts));
  const { name } = assignment.settings;
  switch (assignment.role) {
    case 'manager':
      platform.self.setTitle(`shoal ${name}: manager`);
      playManager(parts, assignment);
      break;
    case 'worker':
    case 'taskWorker':
    case 'userProcess':
      platform.self.setTitle(`shoal ${name}: ${workerTitle(assignment)}`);
      playWorker(parts, assignment, () => readSettings(parts));
      break;
    case 'reactor':
      throw new Error('a reactor is a thread and does not load the program');
  }
  return new Promise<never>(() => {});
}

/** The validated settings and the topology that they describe. Throws ConfigError. */
export function plan(parts: Pick<KernelParts, 'platform' | 'definition'>): {
  settings: Settings;
  topology: Topology;
  /** Why `workerNum: 'auto'` is what it is; undefined where a number was written. */
  autoReason: string | undefined;
} {
  const given = rawSettings(parts);
  const settings = load(given, parts);
  const { workerNum = 'auto' } = given as { workerNum?: unknown };
  const autoReason = workerNum === 'auto' ? parts.platform.self.cpus.reason : undefined;
  checkHandlers(parts.definition, settings);
  const userProcesses = parts.definition.processes?.length ?? 0;
  const topology = topologyOf(settings, parts.platform.network.reusePort, userProcesses);
  return { settings, topology, autoReason };
}

async function startFirst(parts: KernelParts): Promise<RunningServer> {
  const { platform, definition, server } = parts;
  const { settings, topology, autoReason } = plan(parts);
  const descriptors = descriptorsOf(platform.network.passed, settings.listeners);
  if (settings.daemonize && platform.network.passed.length > 0) {
    throw new ConfigError(
      'CONFIG_ACTIVATION',
      'the sockets that came with the start are for this process, and daemonize starts another: write daemonize: false',
    );
  }
  if (settings.user !== undefined) platform.self.prepareUser(settings.user, settings.group);
  if (settings.daemonize) await platform.self.daemonize(settings.logFile);
  if (settings.logFile !== undefined) platform.log.open(settings.logFile);
  const pidFile = settings.pidFile === undefined ? undefined : new PidFile(platform, settings.pidFile);
  pidFile?.check();
  const runtimeDirectory = await platform.files.makeRuntimeDirectory(settings.runtimeDirectory, 'shoal');
  platform.self.setTitle(`shoal ${settings.name}: ${topology.kind === 'process' ? 'master' : 'manager'}`);
  const { pid } = platform.self;
  platform.observe?.(configuredFact(settings));
  const userProcesses = definition.processes?.map((spec) => spec.name) ?? [];
  let plant: Plant | undefined;
  const context = new ProcessContext({
    platform,
    definition,
    server,
    settings,
    roles: rolesOf(topology),
    workerId: topology.kind === 'single' ? 0 : -1,
    masterPid: pid,
    managerPid: () => plant?.managerPid ?? pid,
    runtimeDirectory,
    userProcesses,
  });
  context.exchange.identify({ role: 'master', workerId: -1, incarnation: 0, pid });
  const first = new FirstProcess(
    platform,
    settings,
    topology,
    context,
    runtimeDirectory,
    autoReason,
    pidFile,
  );
  const onFailure = (error: Error): void => first.fail(error);
  const onShutdown = (): void => first.stopAsAsked();
  const ask: Answerer = async (question, onProgress) => first.ask(question, onProgress);
  const fixed = context.fixedParts();
  const common = {
    platform,
    settings,
    descriptors,
    context,
    runtimeDirectory,
    userProcesses,
    fixed,
    onFailure,
    ask,
  };
  let powers: Partial<RolePowers> = {};
  if (topology.kind === 'process') {
    const onPeers = (peers: readonly Peer[]): void => context.exchange.setPeers(peers);
    plant = new Master({
      ...common,
      logger: context.logger,
      name: settings.name,
      topology,
      onShutdown,
      onPeers,
    });
  } else if (topology.kind === 'base') {
    plant = new BasePlant(common);
  } else {
    const single = new SinglePlant({ platform, settings, descriptors, definition, context });
    powers = {
      send: (id, data) => single.worker?.send(id, data) ?? false,
      close: (id, reset) => single.worker?.close(id, reset) ?? false,
    };
    plant = single;
  }
  return first.start(plant, powers);
}

function configuredFact(settings: Settings): ConfiguredFact {
  const { mode, dispatchMode, reactorNum, workerNum, taskWorkerNum, pipeWindow } = settings;
  const { taskConcurrency, taskRetries } = settings;
  const listeners = settings.listeners.map((listener) => {
    const { name, framing, concurrency, onWorkerLost, handlerTimeout } = listener;
    const { maxQueuedBytes, socketBufferSize, packageMaxLength } = listener;
    const bounds = { maxQueuedBytes, socketBufferSize, packageMaxLength };
    return { name, framing: framing.kind, concurrency, onWorkerLost, handlerTimeout, ...bounds };
  });
  return {
    kind: 'configured',
    mode,
    dispatchMode,
    reactorNum,
    workerNum,
    taskWorkerNum,
    taskConcurrency,
    taskRetries,
    pipeWindow,
    listeners,
  };
}

function rolesOf(topology: Topology): RoleName[] {
  switch (topology.kind) {
    case 'process':
      return ['master'];
    case 'base':
      return ['master', 'manager'];
    case 'single':
      return ['worker', 'master', 'manager'];
  }
}

/** What the program says, and before it what was said from outside of it. */
function rawSettings({ platform, definition }: Pick<KernelParts, 'platform' | 'definition'>): object {
  const { outsideSettings } = platform.self;
  const given = typeof definition.settings === 'function' ? definition.settings() : definition.settings;
  return Object.keys(outsideSettings).length === 0 ? given : { ...given, ...outsideSettings };
}

function load(
  given: object,
  { platform, definition }: Pick<KernelParts, 'platform' | 'definition'>,
): Settings {
  const { cpus, directory } = platform.self;
  return loadSettings(given, { cpus: cpus.count, directory, name: definition.name });
}

function readSettings(parts: Pick<KernelParts, 'platform' | 'definition'>): Settings {
  return load(rawSettings(parts), parts);
}
