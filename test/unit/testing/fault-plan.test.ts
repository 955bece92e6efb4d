import { expect } from 'chai';
import { drawFaults, type FaultOptions, type Stage } from '@shoal/testing/internal/exploration/fault-plan';
import type { Fault } from '@shoal/testing';

const stage: Stage = {
  duration: 80,
  clients: 3,
  taskWorkerNum: 0,
  workerNum: 2,
  managerMayDie: true,
  replacesWorkers: true,
};
const SEEDS = 3_000;
const nothing = {
  taskCrashes: 0,
  crashes: 0,
  managerCrashes: 0,
  reloads: 0,
  stops: 0,
  hangs: 0,
  slowPipes: 0,
  stalls: 0,
  shapes: 0,
  resets: 0,
} satisfies Required<FaultOptions>;

/** The option that limits a kind. */
const limits: Record<Exclude<Fault['kind'], 'crashWorker'>, keyof FaultOptions> = {
  crashManager: 'managerCrashes',
  reload: 'reloads',
  stopWorker: 'stops',
  hangWorker: 'hangs',
  slowPipes: 'slowPipes',
  stall: 'stalls',
  shape: 'shapes',
  reset: 'resets',
};

function* plans(options: FaultOptions, on: Stage = stage): Generator<readonly Fault[]> {
  for (let seed = 1; seed <= SEEDS; seed++) yield drawFaults(seed, options, on);
}

/** How many faults a plan had, as a set over many seeds. */
function counts(
  options: FaultOptions,
  counted: (fault: Fault) => boolean,
  on: Stage = stage,
): readonly number[] {
  const found = new Set<number>();
  for (const plan of plans(options, on)) found.add(plan.filter(counted).length);
  return [...found].sort((a, b) => a - b);
}

function* all(options: FaultOptions, on: Stage = stage): Generator<Fault> {
  for (const plan of plans(options, on)) yield* plan;
}

describe('drawFaults', () => {
  it('gives the same faults for the same seed, and others for another', () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 500; seed++) {
      const plan = drawFaults(seed, {}, stage);
      expect(drawFaults(seed, {}, stage)).to.deep.equal(plan);
      seen.add(JSON.stringify(plan));
    }
    expect(seen.size).to.be.above(490);
  });

  it('gives plain objects that survive JSON', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const plan = drawFaults(seed, { resets: 2 }, stage);
      expect(JSON.parse(JSON.stringify(plan))).to.deep.equal(plan);
    }
  });

  for (const [kind, option] of Object.entries(limits)) {
    it(`draws any number of ${kind} from 0 to faults.${option}, and never one more`, () => {
      for (const most of [0, 1, 4]) {
        const expected = Array.from({ length: most + 1 }, (_, count) => count);
        expect(counts({ ...nothing, [option]: most }, (fault) => fault.kind === kind)).to.deep.equal(
          expected,
        );
        expect(counts({ ...nothing, [option]: most }, (fault) => fault.kind !== kind)).to.deep.equal([0]);
      }
    });
  }

  it('draws from 0 to faults.crashes for each worker, and never one more', () => {
    for (const workerId of [0, 1]) {
      const ofWorker = (fault: Fault): boolean => fault.kind === 'crashWorker' && fault.workerId === workerId;
      expect(counts({ ...nothing, crashes: 3 }, ofWorker)).to.deep.equal([0, 1, 2, 3]);
    }
    expect(counts({ ...nothing, crashes: 3 }, () => true)).to.deep.equal([0, 1, 2, 3, 4, 5, 6]);
  });

  it('draws by default everything but resets', () => {
    const kinds = new Set<string>();
    for (const { kind } of all({})) kinds.add(kind);
    expect([...kinds].sort()).to.deep.equal([
      'crashManager',
      'crashWorker',
      'hangWorker',
      'reload',
      'shape',
      'slowPipes',
      'stall',
      'stopWorker',
    ]);
  });

  it('draws every moment of a crash, and both behaviours of a link', () => {
    const seen = new Set<string>();
    for (const fault of all({})) {
      if (fault.kind === 'crashWorker') seen.add(fault.when);
      if (fault.kind === 'shape') seen.add(Object.keys(fault.link).join(' and '));
    }
    expect([...seen].sort()).to.deep.equal([
      'fragment',
      'latency',
      'now',
      'sent',
      'settled',
      'started',
      'write',
    ]);
  });

  it('draws with task workers from 0 to faults.taskCrashes of them together, and at their moments too', () => {
    const on = { ...stage, taskWorkerNum: 2 };
    const ofTaskWorker = (fault: Fault): boolean => fault.kind === 'crashWorker' && fault.workerId >= 2;
    expect(counts({ ...nothing, taskCrashes: 3 }, ofTaskWorker, on)).to.deep.equal([0, 1, 2, 3]);
    expect(counts({ ...nothing, taskCrashes: 3 }, () => true)).to.deep.equal([0]);
    const workers = new Set<number>();
    const moments = new Set<string>();
    for (const fault of all({}, on)) {
      if ('workerId' in fault) workers.add(fault.workerId);
      if (fault.kind === 'crashWorker') moments.add(fault.after ?? fault.when);
    }
    expect([...workers].sort((a, b) => a - b)).to.deep.equal([0, 1, 2, 3]);
    expect([...moments]).to.include.members(['posted', 'answered']);
  });

  it('puts every fault into the time of the scenario, in order, on the grain of virtual time', () => {
    let first = Infinity;
    let last = 0;
    for (const plan of plans({ resets: 2 })) {
      let before = 0;
      for (const { at } of plan) {
        expect(at).to.be.within(before, stage.duration);
        expect(Number.isInteger(at * 16)).to.equal(true);
        before = at;
        first = Math.min(first, at);
        last = Math.max(last, at);
      }
    }
    expect(first).to.equal(0);
    expect(last).to.equal(stage.duration);
  });

  it('takes 5 ms for a scenario that takes no time', () => {
    const times = [...all({}, { ...stage, duration: 0 })].map(({ at }) => at);
    expect(Math.min(...times)).to.equal(0);
    expect(Math.max(...times)).to.equal(5);
  });

  it('names workers and clients that there are, and each of them', () => {
    const workers = new Set<number>();
    const clients = new Set<number>();
    for (const fault of all({ resets: 2 })) {
      if ('workerId' in fault) workers.add(fault.workerId);
      if ('client' in fault) clients.add(fault.client);
    }
    expect(workers).to.deep.equal(new Set([0, 1]));
    expect(clients).to.deep.equal(new Set([0, 1, 2]));
  });

  it('leaves links alone when there are no clients, and the manager when it may not die', () => {
    const kinds = new Set<string>();
    for (const { kind } of all(
      { resets: 2 },
      { ...stage, clients: 0, managerMayDie: false, replacesWorkers: false },
    ))
      kinds.add(kind);
    expect([...kinds].sort()).to.deep.equal(['crashWorker', 'hangWorker', 'slowPipes']);
  });

  it('keeps durations within what the options document', () => {
    const extremes = new Map<string, [least: number, most: number]>();
    const note = (what: string, value: number): void => {
      const [least, most] = extremes.get(what) ?? [value, value];
      extremes.set(what, [Math.min(least, value), Math.max(most, value)]);
    };
    for (const fault of all({})) {
      if ('ms' in fault) note(fault.kind, fault.ms);
      if (fault.kind !== 'shape') continue;
      for (const [name, value] of Object.entries(fault.link)) note(name, value as number);
    }
    expect(Object.fromEntries(extremes)).to.deep.equal({
      hangWorker: [1, 100],
      slowPipes: [1, 20],
      stall: [1, 200],
      fragment: [1, 8],
      latency: [2, 50],
    });
  });

  it('has plans without any fault of a kind, and plans without any fault', () => {
    let calm = 0;
    for (const plan of plans({})) if (plan.length === 0) calm++;
    expect(calm).to.be.within(1, SEEDS / 10);
  });

  describe('refuses', () => {
    const drawing = (options: object) => () => drawFaults(1, options, stage);

    it('a kind that there is not, and says which there are', () => {
      expect(drawing({ crash: 1 })).to.throw(
        "there are no faults 'crash'; there are crashes, taskCrashes, managerCrashes, reloads, stops, hangs, slowPipes, stalls, shapes, resets",
      );
    });

    it('a number that is not whole, or below 0', () => {
      for (const bad of [-1, 0.5, NaN, Infinity, '2', null]) {
        expect(drawing({ stalls: bad })).to.throw(
          `faults.stalls is ${bad}, and has to be a whole number from 0`,
        );
      }
      expect(drawing({ stalls: 0 })).to.not.throw();
    });

    it('names that every object has', () => {
      expect(drawing({ toString: 1 })).to.throw("there are no faults 'toString'");
    });
  });
});
