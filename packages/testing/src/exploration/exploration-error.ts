import { describeEvent } from '../trace/trace-text.js';
import type { TraceEvent } from '../trace/trace-event.js';
import { describeFault, type Fault } from './fault.js';
import type { Failure, Outcome } from './run.js';

const SHOWN_EVENTS = 30;

export interface Finding {
  readonly app: string;
  /** Which run it was, and of how many. */
  readonly run: number;
  readonly runs: number;
  readonly seed: number;
  /** All faults of the run. */
  readonly faults: readonly Fault[];
  /** Those that are enough. */
  readonly shrunk: readonly Fault[];
  /** Runs that it took to find out. */
  readonly tries: number;
  /** The run with those that are enough. */
  readonly outcome: Outcome & { readonly failure: Failure };
  /** Undefined when the run failed again in this process. */
  readonly doubt: string | undefined;
}

/** A run of an exploration failed. The message has the seed, the faults that matter and the end of the trace. */
export class ExplorationError extends Error {
  override readonly name = 'ExplorationError';
  readonly seed: number;
  /** Counts from 1; the run without faults is 0. */
  readonly run: number;
  /** The promise that was broken, or which part of the run threw. */
  readonly kind: Failure['kind'];
  /** The faults that are enough to make the run fail. */
  readonly faults: readonly Fault[];
  /** All events of the run with these faults. */
  readonly trace: readonly TraceEvent[];

  constructor(finding: Finding) {
    const { outcome } = finding;
    super(textOf(finding), { cause: outcome.failure.error });
    this.seed = finding.seed;
    this.run = finding.run;
    this.kind = outcome.failure.kind;
    this.faults = finding.shrunk;
    this.trace = outcome.trace;
  }
}

function textOf({ app, run, runs, seed, faults, shrunk, tries, outcome, doubt }: Finding): string {
  const { failure, trace } = outcome;
  const lines = [
    `${app} failed in run ${run} of ${runs}, seed ${seed}`,
    `  ${failure.kind}: ${withoutTrace(failure.message)}`,
  ];
  if (failure.error !== undefined && !['scenario', 'start', 'rest', 'stop'].includes(failure.kind))
    lines.push(`  and the scenario saw: ${firstLine(failure.error)}`);
  if (doubt !== undefined) lines.push(`  ${doubt}`);
  lines.push(...faultLines(faults, shrunk, tries), ...traceLines(trace, failure));
  lines.push(`to replay it:  SEED=${seed} and the command of this test`);
  lines.push(`to keep it:    explore(${app}, …, { replay: { seed: ${seed}, faults: ${literal(shrunk)} } })`);
  return lines.join('\n');
}

/** The rest of what a wait in vain says is in the cause. */
function withoutTrace(message: string): string {
  return message.replace(/; (the last log lines:|no log lines)[^]*$/, '');
}

function faultLines(faults: readonly Fault[], shrunk: readonly Fault[], tries: number): string[] {
  if (faults.length === 0) return ['  without any fault'];
  if (shrunk.length === 0) return [`  none of the ${faults.length} faults matters (${tries} more runs)`];
  const verb = shrunk.length === 1 ? 'matters' : 'matter';
  const title = `  ${shrunk.length} of ${faults.length} faults ${verb} (${tries} more runs):`;
  return [title, ...shrunk.map((fault) => `    ${describeFault(fault)}`)];
}

/** What concerns the connection, processes and faults, up to where the failure showed. */
function traceLines(trace: readonly TraceEvent[], { connection, at }: Failure): string[] {
  const origin = trace[0]?.time ?? 0;
  const before = trace.slice(0, at);
  const concerned = connection === 0 ? before : before.filter((event) => concerns(event, connection));
  const shown = concerned.slice(-SHOWN_EVENTS);
  const whose = connection === 0 ? '' : ` of connection ${connection}`;
  const title = `the trace${whose}, ${shown.length} of ${trace.length} events:`;
  return [title, ...shrinkLines(shown.map((event) => describeEvent(event, origin)))];
}

function concerns(event: TraceEvent, connection: number): boolean {
  if ('connection' in event) return event.connection === connection;
  if ('subject' in event) return event.event !== 'tick' && event.subject === connection;
  return event.kind === 'fault' || event.kind === 'spawned' || event.kind === 'exited';
}

function shrinkLines(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line.length > 160 ? `${line.slice(0, 160)}…` : line}`);
}

function literal(faults: readonly Fault[]): string {
  return JSON.stringify(faults)
    .replaceAll(/"([a-zA-Z]+)":/g, '$1: ')
    .replaceAll(',', ', ')
    .replaceAll('"', "'")
    .replaceAll(/[{}]/g, (brace) => (brace === '{' ? '{ ' : ' }'));
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
}
