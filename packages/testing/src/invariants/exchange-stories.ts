/** Tasks and messages between the processes of a server, seen from outside of all of them. */
import type { ExchangeFact } from '@shoal/core/internal/events/exchange-facts';
import type { TaskCounters } from '@shoal/core/internal/pipe/task-counters';
import type { ServerStats } from '@shoal/core/internal/pipe/server-stats';
import type { TraceOrigin } from '../trace/trace-event.js';
import { MessageStories } from './message-story.js';
import { TaskStories, type ExchangeHost } from './task-story.js';

export class ExchangeStories {
  readonly #tasks: TaskStories;
  readonly #messages: MessageStories;

  constructor(private readonly host: ExchangeHost) {
    this.#tasks = new TaskStories(host);
    this.#messages = new MessageStories(host);
  }

  observe(fact: TraceOrigin & ExchangeFact): void {
    const { pid, time } = fact;
    switch (fact.kind) {
      case 'taskStarted':
      case 'taskAnswered':
      case 'taskSettled':
        this.#tasks.done(pid, fact);
        return;
      case 'messagePosted':
      case 'messageTaken':
      case 'messageGivenUp':
        this.#messages.told(pid, fact, time);
        return;
      case 'messageStarted':
        this.#messages.started(pid, fact);
        return;
      default:
        this.#tasks.told(pid, fact, time);
    }
  }

  atRest(): void {
    this.#tasks.atRest();
    this.#messages.atRest();
  }

  compare(tasks: ServerStats['tasks']): void {
    // What a killed process had counted since it was last heard is lost.
    if (!this.host.deaths.none) return;
    // Tasks that go through a queue are no facts: what became of them is in the queue.
    const counts = tasks.queue === undefined ? this.#tasks.counts : {};
    const seen: Partial<TaskCounters> = { ...counts, outstanding: 0, poisonMessages: this.#messages.givenUp };
    for (const [name, count] of Object.entries(seen) as [keyof TaskCounters, number][])
      if (tasks[name] !== count)
        this.host.report('stats', `stats().tasks says ${name} ${tasks[name]}, and ${count} were seen`, 0);
  }
}
