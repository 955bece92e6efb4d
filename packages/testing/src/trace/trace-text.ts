import type { Many } from '@shoal/core/internal/events/facts';
import { describeFault } from '../exploration/fault.js';
import { describeDatagram } from './datagram-text.js';
import { describeExchange } from './exchange-text.js';
import { quote } from './quote.js';
import { isOfDatagrams, type TraceEvent } from './trace-event.js';

/** How many events the message of a failure shows. */
const SHOWN_EVENTS = 15;

/** The end of a trace, an event a line, for the message of a failure. */
export function lastEvents(trace: readonly TraceEvent[], count = SHOWN_EVENTS): string {
  if (trace.length === 0) return 'nothing was traced';
  const shown = trace.slice(-count);
  const title =
    shown.length === trace.length
      ? `all ${trace.length} events of the trace`
      : `the last ${shown.length} of ${trace.length} events`;
  return `${title}:\n${shown.map((event) => `  ${describeEvent(event, trace[0]!.time)}`).join('\n')}`;
}

/** `102.375 worker 1: starts Chat.line of connection 3, number 4: "hi\n"` */
export function describeEvent(event: TraceEvent, origin = 0): string {
  const { time, process } = event;
  return `${(time - origin).toFixed(3).padStart(9)} ${process}: ${sentence(event)}`;
}

function sentence(event: TraceEvent): string {
  switch (event.kind) {
    case 'configured':
      return `${event.mode} mode, ${event.reactorNum} reactors, ${event.workerNum} workers, dispatch ${event.dispatchMode}`;
    case 'spawned':
      return `is spawned, pid ${event.pid}`;
    case 'exited':
      return `ends by ${event.signal ?? `exit code ${event.code}`}`;
    case 'accepted':
      return `accepts connection ${event.connection} from ${event.address}:${event.port} on ${event.listener}`;
    case 'turnedAway':
      return `turns ${event.address}:${event.port} away from ${event.listener}: ${event.reason}`;
    case 'packet':
      return `takes packet ${event.packet} of connection ${event.connection}, ${event.bytes} bytes`;
    case 'delivered':
      return `gives ${what(event)} to worker ${event.workerId}${event.attempt > 1 ? `, attempt ${event.attempt}` : ''}`;
    case 'acknowledged':
      return `hears that ${what(event)} is ${event.discarded ? 'discarded' : 'settled'}`;
    case 'returned':
      return `takes ${what({ ...event, event: 'receive' })} back from a worker that ${event.planned ? 'has not started it' : 'is lost'}`;
    case 'retired':
      return `takes worker ${event.workerId}, pid ${event.worker}, out of dispatch`;
    case 'outOfTime':
      return 'has no time left to drain';
    case 'loads':
      return event.inFlight === undefined
        ? `counts connections: ${event.connections?.join(' ')}`
        : `counts packets in flight: ${event.inFlight.join(' ')}`;
    case 'refused':
      return `refuses ${what({ ...event, event: 'receive' })}: ${event.reason}`;
    case 'output':
      return `writes to connection ${event.connection}: ${bytesOf(event)}`;
    case 'pinned':
      return `pins connection ${event.connection} to pid ${event.worker}`;
    case 'inputEnded':
      return `tells that the client of connection ${event.connection} has finished sending`;
    case 'taken':
      return `${event.discarded ? 'drops what came' : 'has read what came'} as number ${event.seq} of connection ${event.connection}`;
    case 'outputRefused':
      return `refuses to write to connection ${event.connection}: ${bytesOf(event)}`;
    case 'file':
      return `keeps a place for file ${event.file} of connection ${event.connection}`;
    case 'fileOutput':
      return `writes of file ${event.file} to connection ${event.connection}: ${bytesOf(event)}`;
    case 'out':
      return `tells that ${event.bytes} bytes of connection ${event.connection} are out`;
    case 'closed':
      return `connection ${event.connection} is closed: ${event.reason}`;
    case 'forgotten':
      return `forgets connection ${event.connection}`;
    case 'started':
      return `starts ${event.handler}${subjectOf(event)}${event.data === undefined ? '' : `: ${quote(event.data)}`}`;
    case 'settled':
      return `${event.handler} has settled${subjectOf(event)}`;
    case 'failed':
      return `${event.handler} has failed${subjectOf(event)}`;
    case 'sent':
      return `sends to connection ${event.connection}: ${bytesOf(event)}`;
    case 'ended':
      return `closes connection ${event.connection}${event.reset ? ' by a reset' : ''}`;
    case 'sentToMany':
      return `sends to ${manyOf(event.to)}${exceptOf(event.except)}: ${bytesOf(event)}`;
    case 'endedMany':
      return `closes ${manyOf(event.to)}${event.reset ? ' by a reset' : ''}`;
    case 'bound':
      return `binds connection ${event.connection} to uid ${quote(String(event.uid))}`;
    case 'joined':
      return `puts connection ${event.connection} into group ${quote(event.group)}`;
    case 'left':
      return `takes connection ${event.connection} out of group ${quote(event.group)}`;
    case 'leaves':
      return `takes connection ${event.connection} out of everything`;
    case 'members':
      return `has ${event.count} connections of ${manyOf(event.of)}`;
    case 'timerSet':
      return `sets timer ${event.timer} (${event.handler}) ${event.repeats ? 'every' : 'in'} ${event.delay} ms`;
    case 'timerCleared':
      return `timer ${event.timer} is over`;
    case 'holds':
      return `is the one that runs timers ${event.timers.join(', ')}`;
    case 'releases':
      return 'is not the one that runs timers any more';
    case 'connects':
      return `connects from ${event.address}:${event.port}`;
    case 'sends':
    case 'receives':
      return `${event.kind} ${bytesOf(event)}`;
    case 'ends':
    case 'resets':
    case 'pauses':
    case 'resumes':
      return event.kind;
    case 'seesEnd':
      return 'sees that the server has finished writing';
    case 'seesClose':
      return 'sees the close';
    case 'signalled':
      return `sends ${event.signal} to pid ${event.target}`;
    case 'fault':
      return `fault: ${describeFault(event.fault)}`;
    default:
      return isOfDatagrams(event) ? describeDatagram(event) : describeExchange(event);
  }
}

function manyOf(to: Many): string {
  return 'group' in to ? `group ${quote(to.group)}` : `uid ${quote(String(to.uid))}`;
}

function exceptOf(ids: readonly number[]): string {
  return ids.length === 0 ? '' : ` but ${ids.join(', ')}`;
}

function what({ event, packet, connection }: { event: string; packet: number; connection: number }): string {
  return `${event === 'receive' ? `packet ${packet}` : `the ${event}`} of connection ${connection}`;
}

function subjectOf({ event, subject, seq }: { event: string; subject: number; seq: number }): string {
  if (event === 'tick') return ` (timer ${subject})`;
  if (event === 'task') return ` of task ${subject}, attempt ${seq}`;
  if (event === 'finish') return ` of task ${subject}`;
  if (event === 'packet') return ` of reactor ${subject}, number ${seq}`;
  if (event === 'pipeMessage') return ` from worker ${subject}`;
  if (event === 'bufferFull' || event === 'bufferEmpty') return ` of connection ${subject}`;
  return subject === 0 ? '' : ` of connection ${subject}, number ${seq}`;
}

function bytesOf({ bytes, data }: { bytes: number; data: string }): string {
  return `${bytes} bytes ${quote(data)}`;
}
