/**
 * What has become of each task, and the rules that hold for it: what a poster
 * tells is compared with what task workers did, and with who has died.
 */
import type { PosterFact, TaskWorkerFact } from '@shoal/core/internal/events/exchange-facts';
import type { ConfiguredFact } from '@shoal/core/internal/events/facts';
import type { Deaths } from './deaths.js';
import type { Rule } from './violation.js';

export interface ExchangeHost {
  readonly settings: ConfiguredFact;
  readonly deaths: Deaths;
  report(rule: Rule, message: string, connection: number): void;
}

interface Task {
  readonly id: number;
  readonly poster: number;
  /** The worker id that it was given to last. */
  to: number | undefined;
  attempt: number;
  givenAt: number;
  /** Pids of the processes in which it was started, one for each time. */
  readonly starts: number[];
  /** Pids of those in which it runs. */
  readonly running: Set<number>;
  /** What its handler gave and nobody was told yet. */
  readonly answers: { readonly data: string; readonly failed: boolean }[];
  settled: boolean;
  over: boolean;
}

export class TaskStories {
  readonly counts = { posted: 0, finished: 0, failed: 0, retried: 0, done: 0 };
  readonly #tasks = new Map<string, Task>();
  /** By pid: tasks that run there. */
  readonly #running = new Map<number, number>();

  constructor(private readonly host: ExchangeHost) {}

  // What the poster tells.

  told(poster: number, fact: PosterFact, time: number): void {
    if (fact.kind === 'taskPosted') {
      this.#posted(poster, fact.task);
      return;
    }
    const task = this.#tasks.get(`${poster}/${fact.task}`);
    if (task === undefined) {
      this.host.report('task', `task ${fact.task} of pid ${poster}: ${fact.kind}, and nobody posted it`, 0);
      return;
    }
    if (task.over) this.#report(task, `${fact.kind} after it was over`);
    switch (fact.kind) {
      case 'taskGiven':
        task.to = fact.to;
        task.attempt = fact.attempt;
        task.givenAt = time;
        return;
      case 'taskReturned':
        if (this.#runs(task)) this.#report(task, 'is given back as not started, and its handler runs');
        return;
      case 'taskRetried':
        this.counts.retried++;
        if (!this.#hasDied(task)) this.#report(task, 'is charged with a death that nobody died');
        return;
      case 'taskResult':
        this.#result(task, fact.data);
        return;
      case 'taskOver':
        this.#over(task, fact);
    }
  }

  // What task workers tell.

  done(pid: number, fact: TaskWorkerFact): void {
    const task = this.#tasks.get(`${fact.poster}/${fact.task}`);
    if (task === undefined) {
      this.host.report(
        'task',
        `task ${fact.task} of pid ${fact.poster}: ${fact.kind}, and nobody posted it`,
        0,
      );
      return;
    }
    switch (fact.kind) {
      case 'taskStarted':
        this.#started(task, pid, fact.attempt);
        return;
      case 'taskAnswered':
        task.answers.push(fact);
        return;
      case 'taskSettled':
        this.counts.done++;
        task.settled = true;
        task.running.delete(pid);
        this.#running.set(pid, (this.#running.get(pid) ?? 0) - 1);
    }
  }

  /** Nothing is on its way: a task whose poster lives is over, unless its handler still runs. */
  atRest(): void {
    for (const task of this.#tasks.values()) {
      if (task.over || !this.host.deaths.lives(task.poster) || this.#runs(task)) continue;
      const where = task.to === undefined ? 'was given to nobody' : `was given to worker ${task.to}`;
      this.#report(
        task,
        `is never over; it ${where}${task.settled ? ', where its handler has settled' : ''}`,
      );
    }
  }

  #posted(poster: number, id: number): void {
    this.counts.posted++;
    this.#tasks.set(`${poster}/${id}`, {
      id,
      poster,
      to: undefined,
      attempt: 1,
      givenAt: 0,
      starts: [],
      running: new Set(),
      answers: [],
      settled: false,
      over: false,
    });
  }

  #started(task: Task, pid: number, attempt: number): void {
    const { deaths, settings } = this.host;
    for (const other of task.running)
      if (deaths.lives(other)) this.#report(task, `starts while pid ${other} runs it`);
    const killed = task.starts.filter((each) => deaths.wasViolent(each)).length;
    if (killed > settings.taskRetries)
      this.#report(task, `starts after ${killed} deaths; taskRetries is ${settings.taskRetries}`);
    if (attempt <= killed) this.#report(task, `is attempt ${attempt} after ${killed} deaths`);
    task.starts.push(pid);
    task.running.add(pid);
    const count = (this.#running.get(pid) ?? 0) + 1;
    this.#running.set(pid, count);
    if (count > settings.taskConcurrency)
      this.#report(task, `is one of ${count} at once; taskConcurrency is ${settings.taskConcurrency}`);
  }

  #result(task: Task, data: string): void {
    const index = task.answers.findIndex((answer) => !answer.failed && answer.data === data);
    if (index < 0) this.#report(task, `has the result ${JSON.stringify(data)}, which no handler of it gave`);
    else task.answers.splice(index, 1);
  }

  #over(task: Task, { outcome, code }: PosterFact & { kind: 'taskOver' }): void {
    task.over = true;
    if (outcome === 'finished') {
      this.counts.finished++;
      if (!task.settled) this.#report(task, 'is finished before its handler has settled');
    }
    if (outcome !== 'failed') return;
    this.counts.failed++;
    const { taskRetries } = this.host.settings;
    if (code !== 'TASK_WORKER_LOST') {
      if (!task.answers.some(({ failed }) => failed)) this.#report(task, 'has failed, and no handler of it');
    } else if (!this.#hasDied(task)) {
      this.#report(task, 'has failed for a death that nobody died');
    } else if (task.attempt <= taskRetries) {
      this.#report(task, `has failed at attempt ${task.attempt}; taskRetries is ${taskRetries}`);
    }
  }

  /** Whether a process has died to which it was given. */
  #hasDied({ to, givenAt }: Task): boolean {
    return to !== undefined && this.host.deaths.violentSince(to, givenAt) > 0;
  }

  #runs({ running }: Task): boolean {
    return [...running].some((pid) => this.host.deaths.lives(pid));
  }

  #report(task: Task, message: string): void {
    this.host.report('task', `task ${task.id} of pid ${task.poster}: ${message}`, 0);
  }
}
