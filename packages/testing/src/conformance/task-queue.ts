/**
 * What every durable queue of tasks must do, as cases for any test runner:
 *
 * ```ts
 * for (const fact of taskQueueConformance('on disk', { stage })) it(fact.title, fact.run);
 * ```
 *
 * A queue is tried as its owner uses it, on a stage that can kill that owner and
 * start the next one on what was left. Two cases are properties: any sequence of
 * calls and crashes against a model, and any crash while calls are under way. A
 * failure prints the smallest example that fast-check found, and its seed.
 */
import assert from 'node:assert/strict';
import { codeOf } from '@shoal/core/internal/errors';
import { MAX_CRASHES, type TaskQueue } from '@shoal/core/internal/tasks/queue/task-queue';
import type { ConformanceCase } from './conformance-case.js';
import { addTaskQueueProperties } from './task-queue-properties.js';
import { Owner, REASON, type TaskQueueSetup, type TaskQueueSubject } from './task-queue-stage.js';

export type { TaskQueueSetup, TaskQueueStage, TaskQueueSubject } from './task-queue-stage.js';

/** The cases for one implementation; `name` begins each title. */
export function taskQueueConformance(name: string, subject: TaskQueueSubject): ConformanceCase[] {
  const cases: ConformanceCase[] = [];
  const fact: AddFact = (title, check, setup) => {
    cases.push({
      title: `${name} ${title}`,
      run: async () => {
        const owner = await Owner.begin(subject, setup);
        try {
          await check(owner);
        } finally {
          await owner.stage.end();
        }
      },
    });
  };
  addPosting(fact);
  addSettling(fact);
  addCrashes(fact);
  addOperating(fact);
  addTaskQueueProperties(name, subject, cases);
  return cases;
}

type AddFact = (
  title: string,
  check: (owner: Owner) => Promise<void>,
  setup?: Partial<Omit<TaskQueueSetup, 'events'>>,
) => void;

function addPosting(fact: AddFact): void {
  fact('hands out what was posted: payload, meta, first attempt', async (owner) => {
    const { stage, queue } = owner;
    const payload = Buffer.from([0, 255, 7]);
    const before = stage.now();
    const meta = { worker: 3, name: 'index', nested: { list: [1, 'two', null] } };
    const accepted = await stage.settled(queue.enqueue({ payload, meta }));
    assert.equal(accepted.duplicate, false);
    const [task] = queue.take(0, 1, 10);
    assert.ok(task !== undefined);
    const { acceptedAt } = task;
    assert.deepEqual(
      { ...task, payload: [...task.payload], acceptedAt: 0 },
      { id: accepted.id, attempt: 1, meta, payload: [0, 255, 7], acceptedAt: 0 },
    );
    assert.ok(acceptedAt >= Math.floor(before) && acceptedAt <= stage.now());
  });

  fact('takes an empty payload, and one of 3 MiB', async (owner) => {
    await owner.enqueue({ payload: Buffer.alloc(0) });
    await owner.enqueue({ payload: Buffer.alloc(3 << 20, 7) });
    await owner.crashAndOpen();
    const [empty, large] = owner.queue.take(0, 1, 2);
    assert.equal(empty?.payload.length, 0);
    assert.ok(large !== undefined && Buffer.alloc(3 << 20, 7).equals(large.payload));
  });

  fact(
    'gives tasks to the target that they name, and others to whoever asks first, in one order',
    async (owner) => {
      const first = await owner.enqueue({ target: 0 });
      const anybodys = await owner.enqueue();
      const others = await owner.enqueue({ target: 1 });
      const last = await owner.enqueue({ target: 0 });
      assert.deepEqual(owner.take(0), [first, anybodys, last]);
      assert.deepEqual(owner.take(1), [others]);
    },
  );

  fact('gives what names a target that does not exist to anybody', async (owner) => {
    const id = await owner.enqueue({ target: 2 });
    assert.deepEqual(owner.take(1), [id]);
  });

  fact('takes no more than asked for', async (owner) => {
    const ids = await owner.enqueueAll(5);
    assert.deepEqual(owner.take(0, 2), ids.slice(0, 2));
    assert.deepEqual(owner.take(0, 0), []);
    assert.deepEqual(owner.take(1, 2), ids.slice(2, 4));
  });

  fact('tells that something is ready once for a line that was empty', async (owner) => {
    await owner.enqueueAll(3);
    await owner.enqueueAll(2, { target: 1 });
    assert.deepEqual(owner.ready, [undefined, 1]);
    owner.take(1);
    await owner.enqueue({ target: 1 });
    assert.deepEqual(owner.ready, [undefined, 1, 1]);
  });

  fact(
    'accepts as many tasks as may wait and refuses one more, until there is room',
    async (owner) => {
      await owner.enqueueAll(2);
      const third = owner.enqueue();
      await third;
      await assert.rejects(owner.enqueue(), (error) => codeOf(error) === 'TASK_QUEUE_FULL');
      assert.equal(owner.rooms, 0);
      owner.take(0, 1);
      await owner.barrier();
      assert.equal(owner.rooms, 1);
      await owner.enqueue();
      await assert.rejects(owner.enqueue(), (error) => codeOf(error) === 'TASK_QUEUE_FULL');
    },
    { limit: 3 },
  );

  fact('adds no second task with a key while the first is there', async (owner) => {
    const post = () => owner.queue.enqueue({ payload: Buffer.alloc(1), dedupeKey: 'nightly' });
    const [first, second] = await owner.stage.settled(Promise.all([post(), post()]));
    assert.deepEqual([first.duplicate, second], [false, { id: first.id, duplicate: true }]);
    owner.take();
    assert.equal((await owner.stage.settled(post())).duplicate, true);
    await owner.crashAndOpen();
    assert.deepEqual(await owner.stage.settled(post()), { id: first.id, duplicate: true });
    void owner.queue.acknowledge([first.id]);
    assert.equal((await owner.stage.settled(post())).duplicate, false);
  });

  fact('holds a task back until its delay is over, then puts it behind what was ready', async (owner) => {
    const delayed = await owner.enqueue({ delay: 5_000 });
    const ready = await owner.enqueue();
    assert.deepEqual(owner.take(0, 1), [ready]);
    await owner.stage.advance(4_900);
    const later = await owner.enqueue();
    assert.equal(owner.queue.counts().delayed, 1);
    await owner.stage.advance(100);
    assert.deepEqual(owner.take(), [later, delayed]);
  });

  fact('lets a delay go on while nobody has the queue', async (owner) => {
    const id = await owner.enqueue({ delay: 5_000 });
    await owner.stage.crash();
    await owner.stage.advance(5_000);
    await owner.open();
    assert.deepEqual(owner.take(), [id]);
  });
}

function addSettling(fact: AddFact): void {
  fact('forgets what is acknowledged', async (owner) => {
    const [first, second] = await owner.enqueueAll(2);
    owner.take();
    await owner.stage.settled(owner.queue.acknowledge([first!]));
    assert.deepEqual(owner.ids(), [second]);
    await owner.crashAndOpen();
    assert.deepEqual(owner.ids(), [second]);
  });

  fact('tries a task that failed again, later, and buries it after its last attempt', async (owner) => {
    const id = await owner.enqueue({ maxAttempts: 3 });
    for (const [attempt, least, most] of [
      [1, 500, 1_000],
      [2, 1_000, 2_000],
    ] as const) {
      const [task] = owner.queue.take(0, 1, 1);
      assert.equal(task?.attempt, attempt);
      const now = owner.stage.now();
      assert.equal(owner.queue.fail(id, REASON), 'again');
      const { dueAt, state, reason } = owner.only();
      assert.deepEqual({ state, reason }, { state: 'delayed', reason: REASON });
      assert.ok(
        dueAt! >= Math.floor(now + least) && dueAt! <= Math.ceil(now + most),
        `due in ${dueAt! - now} ms`,
      );
      await owner.stage.advance(most + 1);
    }
    assert.equal(owner.queue.take(0, 1, 1)[0]?.attempt, 3);
    assert.equal(owner.queue.fail(id, REASON), 'dead');
    assert.equal(owner.only().state, 'dead');
    assert.deepEqual(
      owner.died.map((task) => task.id),
      [id],
    );
    assert.deepEqual(owner.take(), []);
  });

  fact('buries a task at once that is not to be retried', async (owner) => {
    const id = await owner.enqueue();
    owner.take();
    assert.equal(owner.queue.fail(id, REASON, false), 'dead');
    assert.equal(owner.only().attempts, 1);
  });

  fact('ignores what is said of tasks that are not there', async (owner) => {
    const id = await owner.enqueue();
    assert.equal(owner.queue.fail(id, REASON), 'unknown');
    assert.equal(owner.queue.fail(id + 1, REASON), 'unknown');
    owner.queue.giveBack([id, id + 1]);
    owner.queue.release(9, 'all', REASON);
    await owner.stage.settled(owner.queue.acknowledge([id + 1]));
    assert.deepEqual(owner.take(), [id]);
  });

  fact('puts back what was not started, uncharged and in its old place', async (owner) => {
    const ids = await owner.enqueueAll(4);
    assert.deepEqual(owner.take(0, 3), ids.slice(0, 3));
    owner.queue.giveBack([ids[2]!, ids[0]!, ids[0]!]);
    assert.deepEqual(owner.take(0), [ids[0], ids[2], ids[3]]);
    assert.deepEqual(
      owner.queue.list().map(({ attempts }) => attempts),
      [0, 0, 0, 0],
    );
  });

  fact(
    'charges of a lessee that is gone what it may have started, and puts all back in order',
    async (owner) => {
      const ids = await owner.enqueueAll(5);
      owner.take(0, 2, 7);
      owner.take(0, 1, 8);
      owner.take(0, 1, 7);
      owner.queue.release(7, [ids[0]!], REASON);
      assert.deepEqual(
        owner.queue.list().map(({ attempts }) => attempts),
        [1, 0, 0, 0, 0],
      );
      assert.deepEqual(owner.take(), [ids[0], ids[1], ids[3], ids[4]]);
      assert.equal(owner.queue.counts().leased, 5);
    },
  );

  fact('buries what has killed its lessees as often as it may', async (owner) => {
    const id = await owner.enqueue();
    for (const state of ['waiting', 'dead']) {
      owner.take(0, 1, 7);
      owner.queue.release(7, 'all', REASON);
      assert.equal(owner.only().state, state);
    }
    assert.deepEqual(
      owner.died.map((task) => [task.id, task.attempts, task.reason]),
      [[id, 2, REASON]],
    );
  });
}

function addCrashes(fact: AddFact): void {
  fact('never gives an id twice, even when the last task is gone', async (owner) => {
    const given = new Set<number>();
    for (let run = 0; run < 3; run++) {
      for (const id of await owner.enqueueAll(3)) {
        assert.ok(!given.has(id), `gave ${id} again`);
        given.add(id);
      }
      await owner.stage.settled(owner.queue.acknowledge(owner.take()));
      if (run === 0) await owner.crashAndOpen();
      else await owner.closeAndOpen();
    }
  });

  fact('finds everything again after a crash, in order', async (owner) => {
    const ids = [
      await owner.enqueue({ target: 1 }),
      ...(await owner.enqueueAll(3)),
      await owner.enqueue({ target: 1 }),
    ];
    await owner.crashAndOpen();
    assert.deepEqual(owner.take(1), ids);
  });

  fact('knows attempts and dead letters after a crash', async (owner) => {
    const [first, second] = await owner.enqueueAll(2);
    owner.take();
    owner.queue.fail(first!, REASON, false);
    owner.queue.fail(second!, REASON);
    await owner.barrier();
    const before = owner.queue.list();
    await owner.crashAndOpen();
    assert.deepEqual(owner.queue.list(), before);
    assert.deepEqual(
      owner.died.map(({ id }) => id),
      [first],
    );
  });

  fact(`counts a crash for what was leased, and buries it after ${MAX_CRASHES}`, async (owner) => {
    const [leased] = await owner.enqueueAll(2);
    for (let crashes = 0; crashes < MAX_CRASHES; crashes++) {
      const [task] = owner.queue.take(0, 1, 1);
      assert.deepEqual([task?.id, task?.attempt], [leased, crashes + 1]);
      await owner.barrier();
      await owner.crashAndOpen();
      assert.deepEqual(
        owner.queue.list().map((each) => each.crashes),
        [crashes + 1, 0],
      );
    }
    const [dead, other] = owner.queue.list();
    assert.deepEqual([dead?.state, dead?.attempts, dead?.reason?.code], ['dead', 0, 'TASK_LOST']);
    assert.equal(other?.state, 'waiting');
    assert.deepEqual(
      owner.died.map(({ id }) => id),
      [leased],
    );
  });

  fact('counts no crash for what was given back or released before', async (owner) => {
    const ids = await owner.enqueueAll(3);
    owner.take(0, 2, 1);
    await owner.barrier();
    owner.queue.giveBack([ids[0]!]);
    owner.take(1, 1, 2);
    owner.queue.release(1, [], REASON);
    owner.queue.release(2, [], REASON);
    await owner.barrier();
    await owner.crashAndOpen();
    assert.deepEqual(
      owner.queue.list().map(({ crashes }) => crashes),
      [0, 0, 0],
    );
    owner.take(0, 3, 1);
    await owner.barrier();
    owner.queue.giveBack([ids[1]!]);
    await owner.barrier();
    await owner.crashAndOpen();
    assert.deepEqual(
      owner.queue.list().map(({ crashes }) => crashes),
      [1, 0, 1],
    );
  });

  fact('gives leases back, uncharged, when it is closed', async (owner) => {
    const id = await owner.enqueue();
    owner.take();
    await owner.barrier();
    await owner.closeAndOpen();
    assert.deepEqual([owner.only().crashes, owner.only().attempts], [0, 0]);
    assert.deepEqual(owner.take(), [id]);
  });

  fact('lets a lessee that has outlived it go on, uncharged', async (owner) => {
    const ids = await owner.enqueueAll(4);
    owner.take(0, 3, 1);
    await owner.barrier();
    await owner.crashAndOpen();
    assert.deepEqual(owner.take(0, 1, 2), [ids[0]]);
    assert.deepEqual(owner.queue.resume(5, [ids[0]!, ids[1]!, ids[2]!, 999_999]), [ids[1], ids[2]]);
    assert.deepEqual(
      owner.queue.list().map(({ crashes, lessee }) => [crashes, lessee]),
      [
        [1, 2],
        [0, 5],
        [0, 5],
        [0, undefined],
      ],
    );
    await owner.stage.settled(owner.queue.acknowledge([ids[1]!]));
    assert.deepEqual(owner.take(), [ids[3]]);
  });

  fact('takes the result of a lessee that has outlived it', async (owner) => {
    const id = await owner.enqueue();
    owner.take();
    await owner.barrier();
    await owner.crashAndOpen();
    await owner.stage.settled(owner.queue.acknowledge([id]));
    assert.deepEqual(owner.take(), []);
    assert.deepEqual(owner.ids(), []);
  });
}

function addOperating(fact: AddFact): void {
  fact('lists by state and page by page', async (owner) => {
    const ids = await owner.enqueueAll(5);
    const delayed = await owner.enqueue({ delay: 60_000 });
    owner.take(0, 2);
    const listed = (query: Parameters<TaskQueue['list']>[0]) => owner.queue.list(query).map(({ id }) => id);
    assert.deepEqual(listed({ state: 'leased' }), ids.slice(0, 2));
    assert.deepEqual(listed({ state: 'waiting', limit: 2 }), ids.slice(2, 4));
    assert.deepEqual(listed({ state: 'waiting', after: ids[3]! }), [ids[4]]);
    assert.deepEqual(listed({ state: 'delayed' }), [delayed]);
    assert.deepEqual(listed({ after: ids[4]! }), [delayed]);
  });

  fact('counts tasks and the bytes of their payloads', async (owner) => {
    await owner.enqueueAll(4, { payload: Buffer.alloc(10) });
    await owner.enqueue({ payload: Buffer.alloc(5), delay: 60_000 });
    const [first, second] = owner.take(0, 2);
    owner.queue.fail(second!, REASON, false);
    const counts = { waiting: 2, delayed: 1, leased: 1, dead: 1, bytes: 45 };
    assert.deepEqual(owner.queue.counts(), counts);
    await owner.stage.settled(owner.queue.acknowledge([first!]));
    assert.deepEqual(owner.queue.counts(), { ...counts, leased: 0, bytes: 35 });
  });

  fact('retries dead letters with all their attempts, and purges them', async (owner) => {
    const ids = await owner.enqueueAll(3);
    owner.take();
    for (const id of ids) owner.queue.fail(id, REASON, false);
    const { queue, stage } = owner;
    assert.equal(await stage.settled(queue.retry([ids[1]!, 999_999])), 1);
    assert.equal(await stage.settled(queue.purge([ids[0]!, ids[1]!])), 1);
    await owner.crashAndOpen();
    const [retried] = owner.queue.take(0, 1, 5);
    assert.deepEqual([retried?.id, retried?.attempt], [ids[1], 1]);
    assert.equal(await stage.settled(owner.queue.retry('all')), 1);
    assert.deepEqual(owner.take(), [ids[2]]);
  });

  fact('keeps a dead letter dead while its key is taken, and lets the key go with it', async (owner) => {
    const first = await owner.enqueue({ dedupeKey: 'nightly' });
    owner.take();
    owner.queue.fail(first, REASON, false);
    const second = await owner.enqueue({ dedupeKey: 'nightly' });
    assert.notEqual(second, first);
    assert.equal(await owner.stage.settled(owner.queue.retry('all')), 0);
    await owner.crashAndOpen();
    assert.deepEqual(
      owner.queue.list().map(({ state }) => state),
      ['dead', 'waiting'],
    );
    await owner.stage.settled(owner.queue.acknowledge(owner.take()));
    assert.equal(await owner.stage.settled(owner.queue.retry('all')), 1);
  });

  fact('drains what waits and is delayed, and nothing else', async (owner) => {
    const ids = await owner.enqueueAll(4, { target: 1 });
    await owner.enqueue({ delay: 60_000 });
    const [leased, dead] = owner.take(1, 2);
    owner.queue.fail(dead!, REASON, false);
    assert.equal(await owner.stage.settled(owner.queue.drain()), 3);
    assert.deepEqual(owner.ids(), ids.slice(0, 2));
    await owner.crashAndOpen();
    assert.deepEqual(owner.take(1), [leased]);
    await owner.stage.advance(60_000);
    assert.deepEqual(owner.take(1), []);
  });

  fact('refuses tasks while the store does, keeps what it had, and goes on when it can', async (owner) => {
    const [first, second] = await owner.enqueueAll(2);
    owner.take();
    owner.stage.refuse(true);
    await assert.rejects(owner.enqueue(), (error) => codeOf(error) === 'TASK_STORE_FAILED');
    const acknowledged = owner.queue.acknowledge([first!]);
    await assert.rejects(owner.enqueue(), (error) => codeOf(error) === 'TASK_STORE_FAILED');
    assert.ok(owner.troubles.length > 0);
    assert.deepEqual(owner.ids(), [second]);
    owner.stage.refuse(false);
    await owner.stage.advance(2_000);
    await owner.stage.settled(acknowledged);
    const third = await owner.enqueue();
    await owner.crashAndOpen();
    assert.deepEqual(owner.ids(), [second, third]);
  });

  fact('accepts nothing once it is closed, and rejects what it could not settle', async (owner) => {
    const id = await owner.enqueue();
    const { queue } = owner;
    await owner.stage.settled(queue.close());
    const isClosed = (error: unknown): boolean => codeOf(error) === 'TASK_QUEUE_CLOSED';
    await assert.rejects(owner.enqueue(), isClosed);
    await assert.rejects(queue.acknowledge([id]), isClosed);
    assert.deepEqual(owner.take(), []);
    await owner.open();
    assert.deepEqual(owner.take(), [id]);
  });
}
