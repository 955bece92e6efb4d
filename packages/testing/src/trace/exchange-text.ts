import type { ExchangeFact } from '@shoal/core/internal/events/exchange-facts';
import { quote } from './quote.js';

/** `gives task 3 to worker 2, attempt 2` */
export function describeExchange(event: ExchangeFact): string {
  switch (event.kind) {
    case 'taskPosted':
      return `posts ${taskOf(event)}, ${event.bytes} bytes${event.to < 0 ? '' : `, for worker ${event.to}`}`;
    case 'taskGiven':
      return `gives task ${event.task} to worker ${event.to}${event.attempt > 1 ? `, attempt ${event.attempt}` : ''}`;
    case 'taskReturned':
      return `takes task ${event.task} back from worker ${event.from}, which has not started it`;
    case 'taskRetried':
      return `takes task ${event.task} back from a worker that is lost, for attempt ${event.attempt}`;
    case 'taskResult':
      return `hears a result of task ${event.task}: ${quote(event.data)}`;
    case 'taskOver':
      return `task ${event.task} is over: ${event.outcome}${event.code === undefined ? '' : `, ${event.code}`}`;
    case 'taskStarted':
      return `starts ${taskOf(event)} of pid ${event.poster}, attempt ${event.attempt}`;
    case 'taskAnswered':
      return `answers task ${event.task} of pid ${event.poster}${event.failed ? ' with an error' : ''}: ${quote(event.data)}`;
    case 'taskSettled':
      return `has settled task ${event.task} of pid ${event.poster}`;
    case 'messagePosted':
      return `sends message ${event.message} to worker ${event.to}, ${event.bytes} bytes${event.wantsReply ? ', and wants a reply' : ''}`;
    case 'messageTaken':
      return `hears that message ${event.message} to worker ${event.to} is started`;
    case 'messageGivenUp':
      return `gives message ${event.message} to worker ${event.to} up`;
    case 'messageStarted':
      return `starts message ${event.message} of pid ${event.from}`;
  }
}

function taskOf({ task, name }: { task: number; name: string }): string {
  return name === '' ? `task ${task}` : `task ${task} (${name})`;
}
