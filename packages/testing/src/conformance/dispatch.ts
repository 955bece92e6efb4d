/**
 * What every dispatch policy must do, as cases for any test runner:
 *
 * ```ts
 * for (const fact of dispatchConformance('least busy', { create })) it(fact.title, fact.run);
 * ```
 *
 * A policy is tried as a reactor uses it: asked for a connection (sticky) or for
 * each packet, while workers become ready and cease to be. The cases about all
 * kinds of calls are properties: a failure prints the smallest example that
 * fast-check found, and its seed.
 */
import assert from 'node:assert/strict';
import type { Dispatched, DispatchPolicy } from '@shoal/core/internal/dispatch/dispatch';
import fc from 'fast-check';
import { inAnotherMoment } from './another-moment.js';
import type { ConformanceCase } from './conformance-case.js';

export interface DispatchSubject {
  /** A policy for so many workers (1 or more) that has not been asked yet. */
  create(workerNum: number): DispatchPolicy;
  /** The ids of so many connections, in the order in which one reactor accepts them. Default 1, 2, 3 … */
  connectionIds?(count: number): readonly number[];
  /**
   * How far the picks of a worker may lie from an equal share, 0 to 1. Default
   * 0.1: 900 to 1100 where an equal share is 1000. With 0 all shares are equal.
   */
  readonly unevenness?: number;
}

/** One question to a policy, and who is ready at that time: bit n stands for worker n. */
interface Question {
  readonly connectionId: number;
  readonly ready: number;
}

interface Calls {
  readonly workerNum: number;
  readonly questions: readonly Question[];
}

const MOST_WORKERS = 16;
/** Picks for each worker in the cases about shares. */
const FAIR_SHARE = 1_000;
const DEFAULT_UNEVENNESS = 0.1;

/** The cases for one policy; `name` begins each title. */
export function dispatchConformance(name: string, subject: DispatchSubject): ConformanceCase[] {
  const cases: ConformanceCase[] = [];
  const fact = (title: string, check: () => void): void => {
    cases.push({ title: `${name} ${title}`, run: async () => check() });
  };

  fact('never throws, whatever the connection and whoever is ready', () => {
    forAll(calls, ({ workerNum, questions }) => {
      const policy = subject.create(workerNum);
      for (const question of questions) {
        assert.doesNotThrow(() => ask(policy, question), `threw when asked ${show(question)}`);
      }
    });
  });

  fact('asks about the readiness of existing workers only', () => {
    forAll(calls, ({ workerNum, questions }) => {
      const policy = subject.create(workerNum);
      for (const question of questions) {
        const asked = askedAbout(policy, question);
        const stranger = asked.find((workerId) => !isWorker(workerId, workerNum));
        assert.equal(stranger, undefined, `asked about worker ${String(stranger)} of ${workerNum}`);
      }
    });
  });

  if (subject.create(1).sticky) addSticky(subject, fact);
  else addNonSticky(subject, fact);

  fact('answers the same calls in the same way, at any time and without chance', () => {
    forAll(calls, ({ workerNum, questions }) => {
      const now = askAll(subject.create(workerNum), questions);
      const later = inAnotherMoment(() => askAll(subject.create(workerNum), questions));
      assert.deepEqual(later, now);
    });
  });
  return cases;
}

type AddFact = (title: string, check: () => void) => void;

function addSticky(subject: DispatchSubject, fact: AddFact): void {
  fact('answers the id of a worker, ready or not', () => {
    forAll(calls, ({ workerNum, questions }) => {
      const policy = subject.create(workerNum);
      for (const question of questions) expectWorker(ask(policy, question), workerNum, question);
    });
  });

  fact('gives a connection the same worker each time, whatever happens to others', () => {
    forAll(
      fc.tuple(calls, fc.array(anId, { minLength: 1, maxLength: 4 })),
      ([{ workerNum, questions }, ids]) => {
        const policy = subject.create(workerNum);
        const first = ids.map((connectionId) => ask(policy, { connectionId, ready: EVERYBODY }));
        for (const question of questions) {
          ask(policy, question);
          const again = ids.map((connectionId) => ask(policy, { connectionId, ready: question.ready }));
          assert.deepEqual(
            again,
            first,
            `connections ${ids.join(', ')} changed workers after ${show(question)}`,
          );
        }
      },
    );
  });

  fact(`spreads many connections evenly${boundOf(subject)}`, () => {
    for (let workerNum = 1; workerNum <= MOST_WORKERS; workerNum++) expectEven(subject, workerNum, EVERYBODY);
  });
}

function addNonSticky(subject: DispatchSubject, fact: AddFact): void {
  fact('answers the id of a worker, or -1', () => {
    forAll(calls, ({ workerNum, questions }) => {
      const policy = subject.create(workerNum);
      for (const question of questions) {
        const answer = ask(policy, question);
        if (answer !== -1) expectWorker(answer, workerNum, question);
      }
    });
  });

  fact('never picks a worker that is not ready', () => {
    forAll(calls, ({ workerNum, questions }) => {
      const policy = subject.create(workerNum);
      for (const question of questions) {
        const answer = ask(policy, question);
        if (answer === -1) continue;
        assert.ok(isReady(question, answer), `picked worker ${answer} when asked ${show(question)}`);
      }
    });
  });

  fact('answers -1 when no worker is ready, and only then', () => {
    forAll(calls, ({ workerNum, questions }) => {
      const policy = subject.create(workerNum);
      for (const question of questions) {
        const someone = readyWorkers(question, workerNum).length > 0;
        const answer = ask(policy, question);
        assert.equal(answer !== -1, someone, `answered ${answer} when asked ${show(question)}`);
      }
    });
  });

  fact(`spreads many packets evenly over the workers that are ready${boundOf(subject)}`, () => {
    for (let workerNum = 1; workerNum <= MOST_WORKERS; workerNum++) {
      expectEven(subject, workerNum, EVERYBODY);
      // All but one, and every second one.
      if (workerNum > 1) expectEven(subject, workerNum, EVERYBODY & ~(1 << (workerNum >> 1)));
      expectEven(subject, workerNum, EVERYBODY & 0x5555);
    }
  });
}

function expectEven(subject: DispatchSubject, workerNum: number, ready: number): void {
  const workers = readyWorkers({ connectionId: 0, ready }, workerNum);
  const policy = subject.create(workerNum);
  const picks = new Map(workers.map((workerId) => [workerId, 0]));
  for (const connectionId of idsOf(subject, FAIR_SHARE * workers.length)) {
    const workerId = ask(policy, { connectionId, ready });
    picks.set(workerId, (picks.get(workerId) ?? 0) + 1);
  }
  const { unevenness = DEFAULT_UNEVENNESS } = subject;
  const least = Math.floor(FAIR_SHARE * (1 - unevenness));
  const most = Math.ceil(FAIR_SHARE * (1 + unevenness));
  for (const [workerId, count] of picks) {
    assert.ok(
      count >= least && count <= most,
      `worker ${workerId} of ${workerNum} was picked ${count} times, expected ${least} to ${most}; ` +
        `all: ${JSON.stringify(Object.fromEntries(picks))}`,
    );
  }
}

function idsOf(subject: DispatchSubject, count: number): readonly number[] {
  return subject.connectionIds?.(count) ?? Array.from({ length: count }, (_, index) => index + 1);
}

function boundOf({ unevenness = DEFAULT_UNEVENNESS }: DispatchSubject): string {
  return unevenness === 0 ? '' : `, to ${Math.round(unevenness * 100)} %`;
}

function expectWorker(answer: unknown, workerNum: number, question: Question): void {
  assert.ok(
    isWorker(answer, workerNum),
    `answered ${String(answer)} for one of ${workerNum} workers when asked ${show(question)}`,
  );
}

function isWorker(answer: unknown, workerNum: number): answer is number {
  return Number.isInteger(answer) && (answer as number) >= 0 && (answer as number) < workerNum;
}

function ask(policy: DispatchPolicy, question: Question): number {
  return policy.pick(dispatched(question), (workerId) => isReady(question, workerId));
}

/** A connection with that id, and an address that belongs to it. */
function dispatched({ connectionId: id }: Question): Dispatched {
  const octets = [24, 16, 8, 0].map((shift) => Math.floor(id / 2 ** shift) % 256);
  return { id, remote: { address: octets.join('.'), port: 1_024 + (id % 60_000) } };
}

function askAll(policy: DispatchPolicy, questions: readonly Question[]): number[] {
  return questions.map((question) => ask(policy, question));
}

/** The workers whose readiness the policy wants to know. */
function askedAbout(policy: DispatchPolicy, question: Question): number[] {
  const asked: number[] = [];
  policy.pick(dispatched(question), (workerId) => {
    asked.push(workerId);
    return isReady(question, workerId);
  });
  return asked;
}

function isReady({ ready }: Question, workerId: number): boolean {
  return ((ready >> workerId) & 1) === 1;
}

function readyWorkers(question: Question, workerNum: number): number[] {
  return Array.from({ length: workerNum }, (_, workerId) => workerId).filter((id) => isReady(question, id));
}

function show({ connectionId, ready }: Question): string {
  const workers = readyWorkers({ connectionId, ready }, MOST_WORKERS).join(', ');
  return `for connection ${connectionId} with ${workers === '' ? 'nobody' : workers} ready`;
}

const EVERYBODY = 2 ** MOST_WORKERS - 1;

/** Small ids in their order are what a reactor gives; large ones come from long lives and from base mode. */
const anId = fc.oneof(fc.nat(100), fc.maxSafeNat());
const someReady = fc.oneof(fc.constantFrom(0, EVERYBODY), fc.nat(EVERYBODY));
const question: fc.Arbitrary<Question> = fc.record({ connectionId: anId, ready: someReady });
const calls: fc.Arbitrary<Calls> = fc.integer({ min: 1, max: MOST_WORKERS }).chain((workerNum) =>
  fc.record({
    workerNum: fc.constant(workerNum),
    questions: fc.array(
      question.map(({ connectionId, ready }) => ({ connectionId, ready: ready & (2 ** workerNum - 1) })),
      { minLength: 1, maxLength: 40 },
    ),
  }),
);

function forAll<T>(values: fc.Arbitrary<T>, check: (value: T) => void): void {
  fc.assert(fc.property(values, check), { numRuns: 100 });
}
