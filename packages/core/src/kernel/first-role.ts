/**
 * Plays what the user started: reads the settings, which makes them those of
 * the whole server, and starts it, or only tells what it would start.
 */
import { fitConnections } from '../config/descriptors.js';
import { isStream } from '../config/limits.js';
import { loadSettings, type Settings } from '../config/load.js';
import type { Definition, RoleName } from '../definition.js';
import { ConfigError } from '../errors.js';
import { checkHandlers } from '../events/check-handlers.js';
import type { ConfiguredFact } from '../events/facts.js';
import { handlersOf } from '../events/handler-table.js';
import { Master } from '../master/master.js';
import type { Platform } from '../platform/platform.js';
import type { Answerer } from '../pipe/inquiries.js';
import type { Peer } from '../pipe/messages.js';
import { topologyOf, type Topology } from '../topology/topology.js';
import { descriptorsOf } from './activation.js';
import { CertificateFiles } from './certificate-files.js';
import { BasePlant } from './base-plant.js';
import { FirstProcess, type Plant } from './first-process.js';
import { PidFile } from './pid-file.js';
import { ProcessContext, type RolePowers } from './process-context.js';
import { environmentOf, rawSettings, settingsText, type Program } from './program.js';
import { reportPlan } from './report-plan.js';
import type { RunningServer } from './running-server.js';
import { makeDirectories } from './server-directories.js';
import { SinglePlant } from './single-plant.js';

/** The validated settings and the topology that they describe. Throws ConfigError. */
function plan(program: Program): {
  settings: Settings;
  /** See `program.ts`. */
  written: string | undefined;
  topology: Topology;
  /** Why `workerNum: 'auto'` is what it is; undefined where a number was written. */
  autoReason: string | undefined;
  certificates: CertificateFiles;
} {
  const { platform, definition } = program;
  const given = rawSettings(program);
  const settings = loadSettings(given, environmentOf(program));
  requireReusePort(settings, platform);
  const { workerNum = 'auto' } = given as { workerNum?: unknown };
  const autoReason = workerNum === 'auto' ? platform.self.cpus.reason : undefined;
  checkHandlers(definition, settings);
  const userProcesses = definition.processes?.length ?? 0;
  const topology = topologyOf(settings, platform.network.reusePort, userProcesses);
  const certificates = new CertificateFiles(platform, settings, given);
  certificates.check();
  return { settings, written: settingsText(program, given), topology, autoReason, certificates };
}

/** Never resolves: the process leaves when nobody listens any more. */
export async function playCheck(program: Program): Promise<never> {
  return reportPlan(program, plan(program));
}

/** Resolves once every worker is ready. */
export async function startFirst(program: Program): Promise<RunningServer> {
  const { platform, definition, server } = program;
  const { settings: wanted, written, topology, autoReason, certificates: files } = plan(program);
  const certificates = files.checked;
  const { openFiles } = platform.self;
  const fitted = fitConnections(wanted, openFiles);
  const settings = fitted ?? wanted;
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
  const runtimeDirectory = await makeDirectories(platform.files, settings);
  platform.self.setTitle(`shoal ${settings.name}: ${topology.kind === 'process' ? 'master' : 'manager'}`);
  const { pid } = platform.self;
  platform.observe?.(configuredFact(settings, definition));
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
  files.warn(context.logger);
  if (fitted !== undefined) context.logger.warn(fewFiles(wanted, fitted, openFiles ?? 0));
  context.exchange.identify({ role: 'master', workerId: -1, incarnation: 0, pid });
  const first = new FirstProcess(
    platform,
    settings,
    topology,
    context,
    runtimeDirectory,
    autoReason,
    pidFile,
    files,
  );
  const onFailure = (error: Error): void => first.fail(error);
  const onShutdown = (): void => first.stopAsAsked();
  const ask: Answerer = async (question, onProgress) => first.ask(question, onProgress);
  const original = { written, fixed: context.fixedParts() };
  const common = {
    platform,
    settings,
    descriptors,
    context,
    certificates,
    runtimeDirectory,
    userProcesses,
    original,
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
      counters: () => context.counters,
      onWorkersGone: () => context.exchange.close(),
    });
  } else if (topology.kind === 'base') {
    plant = new BasePlant(common);
  } else {
    const single = new SinglePlant({ platform, settings, descriptors, definition, context, certificates });
    powers = {
      send: (id, data) => single.worker?.send(id, data) ?? false,
      close: (id, reset) => single.worker?.close(id, reset) ?? false,
      acts: () => single.worker?.acts,
      sendto: (to, data, bytes) => single.worker?.sendto(to, data, bytes) ?? false,
      clients: () => single.worker,
    };
    plant = single;
  }
  return first.start(plant, powers);
}

/** Node ignores the option where it does not know it, and the port would be in use, or not shared. */
function requireReusePort({ listeners }: Settings, { network }: Platform): void {
  const listener = listeners.find((each) => each.type === 'tcp' && each.reusePort);
  if (listener === undefined || network.reusePort) return;
  throw new ConfigError(
    'CONFIG_PLATFORM',
    `listener ${listener.name} has reusePort: true, which needs Node 22.12 or later on Linux: remove it, or start the server with such a Node`,
  );
}

function fewFiles({ maxConnection: wanted }: Settings, { maxConnection }: Settings, files: number): string {
  return (
    `maxConnection is ${maxConnection} and not ${wanted}: this process may have ${files} files open, ` +
    `sockets included. Raise the limit (ulimit -n, or LimitNOFILE= of systemd) to ${files + wanted - maxConnection}, or write maxConnection: ${maxConnection}`
  );
}

function configuredFact(settings: Settings, definition: Definition): ConfiguredFact {
  const {
    mode,
    dispatchMode,
    dispatchModule,
    enableUnsafeEvent,
    reactorNum,
    workerNum,
    taskWorkerNum,
    pipeWindow,
  } = settings;
  const { taskConcurrency, taskRetries, maxConnection } = settings;
  const listeners = settings.listeners.filter(isStream).map((listener) => {
    const { name, framing, concurrency, onWorkerLost, handlerTimeout } = listener;
    const { maxQueuedBytes, socketBufferSize, bufferHighWatermark, packageMaxLength } = listener;
    const { outputOverflow } = listener;
    const bounds = {
      maxQueuedBytes,
      socketBufferSize,
      bufferHighWatermark,
      packageMaxLength,
      outputOverflow,
    };
    const streams = handlersOf(definition, name).connection !== undefined;
    const rules = { concurrency, onWorkerLost, handlerTimeout, ...bounds };
    return { name, framing: framing.kind, ...rules, ...(streams && { streams }) };
  });
  const datagramListeners = settings.listeners.flatMap((listener) => {
    if (isStream(listener)) return [];
    const { name, onWorkerLost, maxQueuedBytes } = listener;
    return [{ name, onWorkerLost, maxQueuedBytes }];
  });
  return {
    kind: 'configured',
    mode,
    dispatchMode,
    ...(enableUnsafeEvent && { enableUnsafeEvent }),
    ...(dispatchModule !== undefined && { dispatchModule: true }),
    reactorNum,
    workerNum,
    taskWorkerNum,
    taskConcurrency,
    taskRetries,
    maxConnection,
    pipeWindow,
    listeners,
    ...(datagramListeners.length > 0 && { datagramListeners }),
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
