/** What a queue of tasks must do whatever the order of calls, and whatever is under way when its owner dies. */
import assert from 'node:assert/strict';
import type { TaskQueue, TaskSummary } from '@shoal/core/internal/tasks/queue/task-queue';
import fc from 'fast-check';
import type { ConformanceCase } from './conformance-case.js';
import { Owner, REASON, type TaskQueueSubject } from './task-queue-stage.js';
import { TaskQueueModel } from './task-queue-model.js';

const DEFAULT_RUNS = 60;
const TARGETS = 2;
const LIMIT = 12;

type Step =
  | {
      readonly do: 'enqueue';
      readonly target: number | undefined;
      readonly key: string | undefined;
      readonly delay: number;
    }
  | { readonly do: 'take'; readonly target: number; readonly lessee: number; readonly max: number }
  | { readonly do: 'acknowledge' | 'giveBack'; readonly picks: readonly number[] }
  | { readonly do: 'fail'; readonly pick: number; readonly retry: boolean }
  | { readonly do: 'release'; readonly lessee: number; readonly picks: readonly number[] | 'all' }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'retry' | 'purge' | 'drain' | 'crash' | 'close' };

const aTarget = fc.constantFrom(undefined, 0, 1, 2);
const picks = fc.array(fc.nat(20), { maxLength: 4 });
const aStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('enqueue' as const),
      target: aTarget,
      key: fc.constantFrom(undefined, undefined, 'a', 'b'),
      delay: fc.constantFrom(0, 0, 0, 10_000),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('take' as const),
      target: fc.nat(TARGETS - 1),
      lessee: fc.integer({ min: 1, max: 3 }),
      max: fc.nat(4),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constantFrom('acknowledge' as const, 'giveBack' as const), picks }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('fail' as const), pick: fc.nat(20), retry: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('release' as const),
      lessee: fc.integer({ min: 1, max: 3 }),
      picks: fc.oneof(fc.constant('all' as const), picks),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(200, 5_000, 60_000) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'retry' as const,
        'purge' as const,
        'drain' as const,
        'crash' as const,
        'crash' as const,
        'close' as const,
      ),
    }),
  },
);

export function addTaskQueueProperties(
  name: string,
  { stage, runs = DEFAULT_RUNS }: TaskQueueSubject,
  cases: ConformanceCase[],
): void {
  const property = (title: string, check: (owner: Owner, steps: readonly Step[]) => Promise<void>): void => {
    const run = async (): Promise<void> => {
      const steps = fc.array(aStep, { minLength: 1, maxLength: 40 });
      const whole = fc.asyncProperty(steps, async (sequence) => {
        const owner = await Owner.begin({ stage }, { targets: TARGETS, limit: LIMIT });
        try {
          await check(owner, sequence);
        } finally {
          await owner.stage.end();
        }
      });
      await fc.assert(whole, { numRuns: runs });
    };
    cases.push({ title: `${name} ${title}`, run });
  };

  property('does what a simple model does, through any calls, crashes and restarts', async (owner, steps) => {
    const model = new TaskQueueModel(TARGETS, LIMIT, 2);
    for (const step of steps) {
      await passDueTimes(owner, model);
      await perform(owner, model, step);
      model.promote(owner.stage.now());
      model.check(owner.queue);
    }
  });

  property(
    'loses nothing that it has confirmed, and brings nothing back, whatever is under way in a crash',
    anyCrash,
  );
}

/** Nothing becomes due while a call takes its time, so that the model need not know how long that was. */
async function passDueTimes(owner: Owner, model: TaskQueueModel): Promise<void> {
  const SOON = 100;
  while (model.nextDue() !== undefined && model.nextDue()! < owner.stage.now() + SOON) {
    await owner.stage.advance(SOON);
    model.promote(owner.stage.now());
  }
}

async function perform(owner: Owner, model: TaskQueueModel, step: Step): Promise<void> {
  const { queue, stage } = owner;
  switch (step.do) {
    case 'enqueue': {
      const { target, key: dedupeKey, delay } = step;
      const expected = model.enqueue(dedupeKey);
      const posted = stage.settled(queue.enqueue({ target, dedupeKey, delay, payload: Buffer.from('x') }));
      if (expected === 'full') await assert.rejects(posted, /taskQueueLimit/);
      else {
        const { id, duplicate } = await posted;
        if (typeof expected === 'number')
          assert.deepEqual({ id, duplicate }, { id: expected, duplicate: true });
        else model.accepted(find(queue, id));
      }
      return;
    }
    case 'take': {
      const taken = queue.take(step.target, step.lessee, step.max);
      const expected = model.take(step.target, step.lessee, step.max);
      assert.deepEqual(
        taken.map(({ id, attempt }) => [id, attempt]),
        expected,
      );
      return;
    }
    case 'acknowledge':
      await stage.settled(queue.acknowledge(model.acknowledge(step.picks)));
      return;
    case 'giveBack':
      queue.giveBack(model.giveBack(step.picks));
      return;
    case 'fail': {
      const id = model.leasedAt(step.pick);
      if (id === undefined) return;
      const outcome = queue.fail(id, REASON, step.retry);
      assert.equal(outcome, model.fail(id, step.retry, find(queue, id).dueAt));
      return;
    }
    case 'release': {
      const started = step.picks === 'all' ? 'all' : model.heldBy(step.lessee, step.picks);
      queue.release(step.lessee, started, REASON);
      model.release(step.lessee, started);
      return;
    }
    case 'advance':
      await stage.advance(step.ms);
      return;
    case 'retry':
      assert.equal(await stage.settled(queue.retry('all')), model.retry());
      return;
    case 'purge':
      assert.equal(await stage.settled(queue.purge('all')), model.remove('dead'));
      return;
    case 'drain':
      assert.equal(await stage.settled(queue.drain()), model.remove('waiting', 'delayed'));
      return;
    case 'crash':
      await owner.barrier();
      await owner.crashAndOpen();
      model.reopen(true, owner.stage.now());
      return;
    case 'close':
      await owner.closeAndOpen();
      model.reopen(false, owner.stage.now());
      return;
  }
}

function find(queue: TaskQueue, id: number): TaskSummary {
  const [task] = queue.list({ after: id - 1, limit: 1 });
  assert.ok(task?.id === id, `expected task ${id}`);
  return task;
}

/** Nobody waits for anything but now and then; what has been confirmed when the owner dies has to hold. */
async function anyCrash(owner: Owner, steps: readonly Step[]): Promise<void> {
  const accepted = new Set<number>();
  const askedToGo = new Set<number>();
  const gone = new Set<number>();
  const charges = new Map<number, number>();
  let confirmedCharges = new Map<number, number>();
  const { queue, stage } = owner;
  for (const step of steps) {
    if (step.do === 'enqueue') {
      const { target, delay } = step;
      const note = ({ id }: { readonly id: number }): unknown => accepted.add(id);
      queue.enqueue({ target, delay, payload: Buffer.from('x') }).then(note, () => {});
    } else if (step.do === 'take') {
      queue.take(step.target, step.lessee, step.max);
    } else if (step.do === 'acknowledge') {
      const ids = leased(owner, step.picks);
      for (const id of ids) askedToGo.add(id);
      queue.acknowledge(ids).then(
        () => ids.forEach((id) => gone.add(id)),
        () => {},
      );
    } else if (step.do === 'fail') {
      for (const id of leased(owner, [step.pick])) {
        queue.fail(id, REASON, step.retry);
        charges.set(id, (charges.get(id) ?? 0) + 1);
      }
    } else if (step.do === 'giveBack') {
      queue.giveBack(leased(owner, step.picks));
    } else if (step.do === 'advance') {
      const charged = new Map(charges);
      await owner.barrier();
      confirmedCharges = charged;
    } else {
      await stage.advance(1);
    }
  }
  // Where the former owner only seems to be dead, it still hears of its commits.
  const [hasAccepted, areGone] = [[...accepted], [...gone]];
  await owner.crashAndOpen();
  const found = new Map(owner.queue.list({ limit: Infinity }).map((task) => [task.id, task]));
  for (const id of hasAccepted)
    if (!askedToGo.has(id)) assert.ok(found.has(id), `${id} was accepted, and is lost`);
  for (const id of areGone) assert.ok(!found.has(id), `${id} was acknowledged, and is back`);
  for (const { id, attempts } of found.values()) {
    const least = confirmedCharges.get(id) ?? 0;
    const most = charges.get(id) ?? 0;
    assert.ok(
      attempts >= least && attempts <= most,
      `${id} has ${attempts} attempts, expected ${least} to ${most}`,
    );
  }
  const { waiting, delayed, leased: held, dead } = owner.queue.counts();
  assert.deepEqual([waiting + delayed + dead, held], [found.size, 0]);
  await stage.settled(owner.queue.close());
}

function leased({ queue }: Owner, wanted: readonly number[]): number[] {
  const ids = queue.list({ state: 'leased', limit: Infinity }).map(({ id }) => id);
  return [...new Set(wanted.flatMap((pick) => (ids.length === 0 ? [] : ids[pick % ids.length]!)))];
}
