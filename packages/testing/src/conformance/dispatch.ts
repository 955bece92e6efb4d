/**
 * What every dispatch policy must do, as cases for any test runner:
 *
 * ```ts
 * for (const fact of dispatchConformance('least busy', { create })) it(fact.title, fact.run);
 * ```
 *
 * A policy is tried as a reactor uses it: asked for a connection (sticky) or for
 * each packet, while workers become ready and cease to be, and the counts change
 * that it looks at. The cases about all
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
  /**
   * What a sticky policy goes by: the connection's id, its client's address, or
   * how many connections each worker has when one is accepted. Default `'id'`.
   */
  readonly by?: 'id' | 'address' | 'connections';
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

  if (subject.by === 'connections') addLeastConnections(subject, fact);
  else addLasting(subject, fact);
  if (subject.by === 'address') addByAddress(subject, fact);

  fact(`spreads many connections evenly${boundOf(subject)}`, () => {
    for (let workerNum = 1; workerNum <= MOST_WORKERS; workerNum++) expectEven(subject, workerNum, EVERYBODY);
  });
}

function addLasting(subject: DispatchSubject, fact: AddFact): void {
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
}

function addByAddress(subject: DispatchSubject, fact: AddFact): void {
  fact('gives all connections of one address the same worker, in every reactor', () => {
    forAll(
      fc.tuple(fc.integer({ min: 1, max: MOST_WORKERS }), anAddress, fc.array(anId, { minLength: 2 })),
      ([workerNum, address, ids]) => {
        const workers = ids.map((id, index) => {
          const remote = { address, port: 1_024 + index };
          return subject.create(workerNum).pick({ id, listenerName: 'lines', remote }, () => true);
        });
        assert.equal(new Set(workers).size, 1, `${address} went to workers ${workers.join(', ')}`);
      },
    );
  });

  fact('takes an IPv4 address that is mapped to IPv6 for what it is', () => {
    forAll(fc.tuple(fc.integer({ min: 1, max: MOST_WORKERS }), fc.ipV4()), ([workerNum, address]) => {
      const policy = subject.create(workerNum);
      const [plain, mapped] = [address, `::ffff:${address}`].map((each) =>
        policy.pick({ id: 1, listenerName: 'lines', remote: { address: each, port: 1 } }, () => true),
      );
      assert.equal(mapped, plain, `${address} went to ${plain}, and ::ffff:${address} to ${mapped}`);
    });
  });

  fact(`spreads neighbours in a network of IPv6 evenly${boundOf(subject)}`, () => {
    for (let workerNum = 1; workerNum <= MOST_WORKERS; workerNum++)
      expectEven(subject, workerNum, EVERYBODY, (id) => `2001:db8::${id.toString(16)}`);
  });
}

function addLeastConnections(subject: DispatchSubject, fact: AddFact): void {
  fact('gives a connection to a worker with the fewest of them, to one that is ready if any is', () => {
    forAll(countedCalls, ({ workerNum, questions, counts }) => {
      const policy = subject.create(workerNum);
      const connections = countsOf(policy.connections, 'connections', counts);
      for (const question of questions) {
        const ready = readyWorkers(question, workerNum);
        const candidates = ready.length > 0 ? ready : [...connections.keys()];
        const least = Math.min(...candidates.map((id) => connections[id]!));
        const answer = ask(policy, question);
        assert.ok(
          candidates.includes(answer) && connections[answer] === least,
          `picked worker ${answer} of ${connections.join(', ')} when asked ${show(question)}`,
        );
        connections[answer]++;
      }
    });
  });
}

function addByLoad(subject: DispatchSubject, fact: AddFact): void {
  fact('never picks a busy worker while another one is idle', () => {
    forAll(countedCalls, ({ workerNum, questions, counts }) => {
      const policy = subject.create(workerNum);
      const inFlight = countsOf(policy.inFlight, 'inFlight', counts);
      for (const [index, question] of questions.entries()) {
        const idle = readyWorkers(question, workerNum).filter((id) => inFlight[id] === 0);
        const answer = ask(policy, question);
        if (idle.length > 0)
          assert.ok(
            idle.includes(answer),
            `picked worker ${answer} of ${inFlight.join(', ')} when asked ${show(question)}`,
          );
        if (answer >= 0) inFlight[answer]!++;
        // Somebody settles what it has, now and then.
        if (index % 3 === 0) inFlight[index % workerNum] = 0;
      }
    });
  });
}

/** The counts of a policy, set to these. */
function countsOf(counts: Int32Array | undefined, name: string, values: readonly number[]): Int32Array {
  assert.ok(counts, `has no counts ${name}`);
  counts.set(values);
  return counts;
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

  if (subject.create(1).inFlight !== undefined) addByLoad(subject, fact);

  fact(`spreads many packets evenly over the workers that are ready${boundOf(subject)}`, () => {
    for (let workerNum = 1; workerNum <= MOST_WORKERS; workerNum++) {
      expectEven(subject, workerNum, EVERYBODY);
      // All but one, and every second one.
      if (workerNum > 1) expectEven(subject, workerNum, EVERYBODY & ~(1 << (workerNum >> 1)));
      expectEven(subject, workerNum, EVERYBODY & 0x5555);
    }
  });
}

function expectEven(
  subject: DispatchSubject,
  workerNum: number,
  ready: number,
  addressOf?: (id: number) => string,
): void {
  const workers = readyWorkers({ connectionId: 0, ready }, workerNum);
  const policy = subject.create(workerNum);
  const picks = new Map(workers.map((workerId) => [workerId, 0]));
  for (const connectionId of idsOf(subject, FAIR_SHARE * workers.length)) {
    const workerId = ask(policy, { connectionId, ready }, addressOf?.(connectionId));
    // As a reactor counts it; what is in flight is settled before the next.
    if (policy.connections !== undefined) policy.connections[workerId]!++;
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

function ask(policy: DispatchPolicy, question: Question, address?: string): number {
  return policy.pick(dispatched(question, address), (workerId) => isReady(question, workerId));
}

/** A connection with that id, and an address that belongs to it. */
function dispatched({ connectionId: id }: Question, address?: string): Dispatched {
  const octets = [24, 16, 8, 0].map((shift) => Math.floor(id / 2 ** shift) % 256);
  return {
    id,
    listenerName: 'lines',
    remote: { address: address ?? octets.join('.'), port: 1_024 + (id % 60_000) },
  };
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

/** Calls to a policy that looks at counts, and what these are at first. */
const countedCalls = calls.chain((each) =>
  fc.record({
    workerNum: fc.constant(each.workerNum),
    questions: fc.constant(each.questions),
    counts: fc.array(fc.nat(3), { minLength: each.workerNum, maxLength: each.workerNum }),
  }),
);
const anAddress = fc.oneof(fc.ipV4(), fc.ipV6());

function forAll<T>(values: fc.Arbitrary<T>, check: (value: T) => void): void {
  fc.assert(fc.property(values, check), { numRuns: 100 });
}
