import { expect } from 'chai';
import type { ConfiguredFact } from '@shoal/core/internal/events/facts';
import type { ExchangeFact, PosterFact, TaskWorkerFact } from '@shoal/core/internal/events/exchange-facts';
import { Deaths } from '@shoal/testing/internal/invariants/deaths';
import { ExchangeStories } from '@shoal/testing/internal/invariants/exchange-stories';
import { noTasks } from '@shoal/core/internal/pipe/task-counters';
import { configured } from './told-facts.js';

/** Worker 0, which posts and sends, and two processes that have the place of task worker 2 one after the other. */
const POSTER = 10;
const FIRST = 12;
const SECOND = 13;

/** Stories of what is told, with what they find. */
class Told {
  readonly deaths = new Deaths();
  readonly found: string[] = [];
  readonly settings: ConfiguredFact;
  readonly stories: ExchangeStories;
  #time = 0;

  constructor(settings: Partial<ConfiguredFact> = {}) {
    this.settings = configured({ taskWorkerNum: 2, ...settings });
    this.stories = new ExchangeStories(this);
  }

  report(_rule: string, message: string): void {
    this.found.push(message);
  }

  tell(pid: number, ...facts: readonly ExchangeFact[]): this {
    for (const fact of facts)
      this.stories.observe({ time: this.#time++, pid, process: `worker ${pid - POSTER}`, ...fact });
    return this;
  }

  dies(pid: number, code: number | null = null): this {
    const process = pid === POSTER ? 'worker 0' : 'task worker 2';
    this.deaths.exited({ time: this.#time++, pid, process }, code);
    return this;
  }

  later(): this {
    this.#time += 1_000;
    return this;
  }

  rest(): readonly string[] {
    this.stories.atRest();
    return this.found;
  }
}

const posted: PosterFact & { kind: 'taskPosted' } = {
  kind: 'taskPosted',
  task: 1,
  name: '',
  to: -1,
  bytes: 3,
};
const given = (attempt = 1): ExchangeFact => ({ kind: 'taskGiven', task: 1, to: 2, attempt });
const started = (attempt = 1): TaskWorkerFact & { kind: 'taskStarted' } => ({
  kind: 'taskStarted',
  poster: POSTER,
  task: 1,
  name: '',
  attempt,
});
const answered = (data = 'hi', failed = false): ExchangeFact => ({
  kind: 'taskAnswered',
  poster: POSTER,
  task: 1,
  failed,
  data,
});
const settled: ExchangeFact = { kind: 'taskSettled', poster: POSTER, task: 1 };
const result: ExchangeFact = { kind: 'taskResult', task: 1, data: 'hi' };
const returned: ExchangeFact = { kind: 'taskReturned', task: 1, from: 2 };
const retried: ExchangeFact = { kind: 'taskRetried', task: 1, attempt: 2 };
const over = (outcome: 'finished' | 'failed', code?: string): ExchangeFact => ({
  kind: 'taskOver',
  task: 1,
  outcome,
  ...(code !== undefined && { code }),
});

describe('Stories of tasks', () => {
  const about = (text: string): string[] => [`task 1 of pid ${POSTER}: ${text}`];

  it('find nothing in one that is done, one that is done after a death, and one that fails', () => {
    const done = new Told().tell(POSTER, posted, given()).tell(FIRST, started(), settled, answered());
    expect(done.tell(POSTER, result, over('finished')).rest()).to.deep.equal([]);
    const again = new Told().tell(POSTER, posted, given()).tell(FIRST, started()).dies(FIRST);
    again.tell(POSTER, retried, given(2)).tell(SECOND, started(2), answered(), settled);
    expect(again.tell(POSTER, result, over('finished')).rest()).to.deep.equal([]);
    const failed = new Told()
      .tell(POSTER, posted, given())
      .tell(FIRST, started(), answered('', true), settled);
    expect(failed.tell(POSTER, over('failed')).rest()).to.deep.equal([]);
  });

  it('find nothing in one that dies with its poster, and one that a planned end cuts short', () => {
    expect(new Told().tell(POSTER, posted, given()).dies(POSTER).rest()).to.deep.equal([]);
    const cut = new Told().tell(POSTER, posted, given()).tell(FIRST, started()).dies(FIRST, 0);
    cut.tell(POSTER, given()).tell(SECOND, started(), settled);
    expect(cut.tell(POSTER, over('finished')).rest()).to.deep.equal([]);
  });

  it('find one that is never over, unless it still runs', () => {
    expect(new Told().tell(POSTER, posted, given()).rest()).to.deep.equal(
      about('is never over; it was given to worker 2'),
    );
    expect(new Told().tell(POSTER, posted, given()).tell(FIRST, started()).rest()).to.deep.equal([]);
  });

  it('find one that is done twice at once, or given back while it runs', () => {
    const told = new Told().tell(POSTER, posted, given()).tell(FIRST, started()).tell(SECOND, started());
    expect(told.found).to.deep.equal(about(`starts while pid ${FIRST} runs it`));
    const back = new Told().tell(POSTER, posted, given()).tell(FIRST, started()).tell(POSTER, returned);
    expect(back.found).to.deep.equal(about('is given back as not started, and its handler runs'));
  });

  it('find one that is started after taskRetries and one more deaths, or with a wrong attempt', () => {
    const told = new Told({ taskRetries: 0 })
      .tell(POSTER, posted, given())
      .tell(FIRST, started())
      .dies(FIRST);
    expect(told.tell(SECOND, started(2)).found).to.deep.equal(
      about('starts after 1 deaths; taskRetries is 0'),
    );
    const wrong = new Told().tell(POSTER, posted, given()).tell(FIRST, started()).dies(FIRST);
    expect(wrong.tell(SECOND, started(1)).found).to.deep.equal(about('is attempt 1 after 1 deaths'));
  });

  it('find a charge, and a failure, for a death that nobody died', () => {
    const charged = new Told().tell(POSTER, posted, given()).dies(FIRST, 0).tell(POSTER, retried);
    expect(charged.found).to.deep.equal(about('is charged with a death that nobody died'));
    const old = new Told().dies(FIRST).later().tell(POSTER, posted, given(), retried);
    expect(old.found).to.deep.equal(about('is charged with a death that nobody died'));
    const failed = new Told().tell(POSTER, posted, given(2), over('failed', 'TASK_WORKER_LOST'));
    expect(failed.found).to.deep.equal(about('has failed for a death that nobody died'));
    const early = new Told().tell(POSTER, posted, given()).dies(FIRST);
    expect(early.tell(POSTER, over('failed', 'TASK_WORKER_LOST')).found).to.deep.equal(
      about('has failed at attempt 1; taskRetries is 1'),
    );
  });

  it('find a result that is not of this task, or comes after the end', () => {
    const foreign = new Told().tell(POSTER, posted, given()).tell(FIRST, started(), answered('ho'));
    expect(foreign.tell(POSTER, result).found).to.deep.equal(
      about('has the result "hi", which no handler of it gave'),
    );
    const twice = new Told().tell(POSTER, posted, given()).tell(FIRST, started(), answered(), settled);
    expect(twice.tell(POSTER, result, over('finished'), over('finished')).found).to.deep.equal(
      about('taskOver after it was over'),
    );
  });

  it('find one that is over before its handler has settled, or fails without one', () => {
    const told = new Told().tell(POSTER, posted, given()).tell(FIRST, started());
    expect(told.tell(POSTER, over('finished')).found).to.deep.equal(
      about('is finished before its handler has settled'),
    );
    const failed = new Told().tell(POSTER, posted, given(), over('failed'));
    expect(failed.found).to.deep.equal(about('has failed, and no handler of it'));
  });

  it('find more than taskConcurrency at once', () => {
    const told = new Told({ taskConcurrency: 1 }).tell(POSTER, posted, { ...posted, task: 2 });
    told.tell(FIRST, { ...started(), task: 2 }, started());
    expect(told.found).to.deep.equal(about('is one of 2 at once; taskConcurrency is 1'));
  });

  it('compare the counters with what was seen, unless somebody was killed', () => {
    const told = new Told().tell(POSTER, posted);
    told.stories.compare({ ...noTasks, posted: 1 });
    expect(told.found).to.deep.equal([]);
    told.stories.compare({ ...noTasks, posted: 2 });
    expect(told.found).to.deep.equal(['stats().tasks says posted 2, and 1 were seen']);
    told.dies(FIRST).stories.compare({ ...noTasks, posted: 3 });
    expect(told.found).to.have.length(1);
  });
});

describe('Stories of messages', () => {
  const sent = (message: number, bytes = 3): ExchangeFact => ({
    kind: 'messagePosted',
    message,
    to: 2,
    bytes,
    wantsReply: false,
  });
  const taken = (message: number): ExchangeFact => ({ kind: 'messageTaken', message, to: 2 });
  const givenUp = (message: number): ExchangeFact => ({ kind: 'messageGivenUp', message, to: 2 });
  const begun = (message: number): ExchangeFact => ({
    kind: 'messageStarted',
    message,
    from: POSTER,
    to: 2,
  });
  const about = (message: number, text: string): string[] => [
    `message ${message} of pid ${POSTER} to worker 2: ${text}`,
  ];

  it('find nothing where each is started once, or again after a death, or given up after two', () => {
    const told = new Told().tell(POSTER, sent(1), sent(2)).tell(FIRST, begun(1), begun(2));
    expect(told.tell(POSTER, taken(1), taken(2)).rest()).to.deep.equal([]);
    const again = new Told().tell(POSTER, sent(1), sent(2)).tell(FIRST, begun(1), begun(2)).dies(FIRST);
    again.tell(SECOND, begun(1)).tell(POSTER, taken(1)).tell(SECOND, begun(2)).tell(POSTER, taken(2));
    expect(again.rest()).to.deep.equal([]);
    const poison = new Told().tell(POSTER, sent(1), sent(2)).tell(FIRST, begun(1)).dies(FIRST);
    poison.tell(SECOND, begun(1)).dies(SECOND).tell(POSTER, givenUp(1)).tell(14, begun(2));
    expect(poison.tell(POSTER, taken(2)).rest()).to.deep.equal([]);
  });

  it('find one that is never started, and one of which the sender never hears, unless the sender is dead', () => {
    expect(new Told().tell(POSTER, sent(1)).rest()).to.deep.equal(about(1, 'is never started'));
    expect(new Told().tell(POSTER, sent(1)).tell(FIRST, begun(1)).rest()).to.deep.equal(
      about(1, 'is started, and its sender never hears'),
    );
    expect(new Told().tell(POSTER, sent(1)).dies(POSTER).rest()).to.deep.equal([]);
  });

  it('find an order that is not that of the sender', () => {
    const told = new Told().tell(POSTER, sent(1), sent(2)).tell(FIRST, begun(2));
    expect(told.found).to.deep.equal(about(2, 'starts before message 1'));
    expect(told.tell(FIRST, begun(1)).found.at(-1)).to.equal(
      about(1, 'starts after message 2 in the same process')[0],
    );
  });

  it('find one that is started twice', () => {
    const told = new Told().tell(POSTER, sent(1)).tell(FIRST, begun(1)).tell(SECOND, begun(1));
    expect(told.found).to.deep.equal(about(1, `starts again though pid ${FIRST} has it`));
    const known = new Told().tell(POSTER, sent(1)).tell(FIRST, begun(1)).tell(POSTER, taken(1)).dies(FIRST);
    expect(known.tell(SECOND, begun(1)).found).to.deep.equal(
      about(1, 'starts again though its sender knows that it was started'),
    );
  });

  it('find one that is settled before its start, or given up after one death', () => {
    expect(new Told().tell(POSTER, sent(1), taken(1)).found).to.deep.equal(
      about(1, 'is settled before it was started'),
    );
    expect(new Told().tell(POSTER, sent(1)).dies(FIRST).tell(POSTER, givenUp(1)).found).to.deep.equal(
      about(1, 'is given up after 1 deaths'),
    );
  });

  it('find more than pipeWindow on its way, and admit one of any size', () => {
    const told = new Told({ pipeWindow: 1_000 }).tell(POSTER, sent(1, 800), sent(2, 72));
    expect(told.found).to.deep.equal([]);
    expect(told.tell(POSTER, sent(3, 0)).found).to.deep.equal(
      about(3, 'is sent beside 1000 bytes; pipeWindow is 1000'),
    );
    expect(new Told({ pipeWindow: 1_000 }).tell(POSTER, sent(1, 9_000)).found).to.deep.equal([]);
  });
});
