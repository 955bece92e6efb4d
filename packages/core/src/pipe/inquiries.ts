import { fromWire, ProcessError, toWire } from '../errors.js';
import type { Clock, Timer } from '../platform/platform.js';
import type { AnswerNote, AskNote, InnerQuestion, ProgressNote } from './notes.js';
import type { ReloadProgress } from './questions.js';

export type OnProgress = (progress: ReloadProgress) => void;

/** Answers a question, or rejects. */
export type Answerer = (question: InnerQuestion, onProgress: OnProgress) => Promise<unknown>;

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: OnProgress;
  readonly deadline: Timer | undefined;
}

/** One end of a link: the questions that were asked over it and are not answered yet. */
export class Inquiries {
  #next = 0;
  #closed = false;
  readonly #waiting = new Map<number, Waiting>();

  constructor(
    private readonly clock: Clock,
    private readonly send: (note: AskNote) => void,
  ) {}

  /** Rejects with `ProcessError` ASK_TIMEOUT after `patience` ms (0 waits for ever), ASK_LOST when the link breaks. */
  async ask(question: InnerQuestion, patience: number, onProgress: OnProgress = () => {}): Promise<unknown> {
    if (this.#closed) throw lost(question);
    const request = this.#next++;
    return new Promise<unknown>((resolve, reject) => {
      const late = (): void => {
        this.#waiting.delete(request);
        reject(
          new ProcessError('ASK_TIMEOUT', `nobody has answered '${question.what}' within ${patience} ms`),
        );
      };
      const deadline = patience > 0 ? this.clock.setTimer(patience, late) : undefined;
      this.#waiting.set(request, { resolve, reject, onProgress, deadline });
      this.send({ type: 'ask', request, question });
    });
  }

  /** An answer that comes too late finds nobody. */
  answered({ request, answer, error }: AnswerNote): void {
    const waiting = this.#waiting.get(request);
    if (waiting === undefined) return;
    this.#waiting.delete(request);
    waiting.deadline?.cancel();
    if (error === undefined) waiting.resolve(answer);
    else waiting.reject(fromWire(error));
  }

  progressed({ request, progress }: ProgressNote): void {
    this.#waiting.get(request)?.onProgress(progress);
  }

  /** The other end is gone: nobody will answer. */
  close(): void {
    this.#closed = true;
    for (const { reject, deadline } of this.#waiting.values()) {
      deadline?.cancel();
      reject(new ProcessError('ASK_LOST', 'the process that was asked is gone'));
    }
    this.#waiting.clear();
  }
}

/** Answers one question that came over a link. */
export function answerNote(
  { request, question }: AskNote,
  answerer: Answerer,
  send: (note: AnswerNote | ProgressNote) => void,
): void {
  const progress: OnProgress = (step) => send({ type: 'progress', request, progress: step });
  answerer(question, progress).then(
    (answer) => send({ type: 'answer', request, answer: answer ?? null }),
    (error: unknown) => send({ type: 'answer', request, error: toWire(error) }),
  );
}

function lost({ what }: InnerQuestion): ProcessError {
  return new ProcessError('ASK_LOST', `'${what}' cannot be asked: the other process is gone`);
}
