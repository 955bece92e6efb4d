import { expect } from 'chai';
import { taskQueueConformance } from '@shoal/testing/internal/conformance/task-queue';
import { Owner } from '@shoal/testing/internal/conformance/task-queue-stage';
import { MemoryStage, stages } from './stages.js';

describe('StoredQueue', () => {
  let seed = 1;
  const subjects = {
    'in memory': { stage: stages.inMemory, runs: 100 },
    'on disk, synced': { stage: () => stages.onDisk(0), runs: 15 },
    'on disk, synced now and then': { stage: () => stages.onDisk(5), runs: 15 },
    'simulated, synced': { stage: () => stages.simulated(seed++, 0), runs: 50 },
    'simulated, synced now and then': { stage: () => stages.simulated(seed++, 100), runs: 50 },
  };
  for (const [name, subject] of Object.entries(subjects)) {
    describe(name, () => {
      for (const fact of taskQueueConformance('it', subject)) it(fact.title, fact.run);
    });
  }

  it('keeps the order of acceptance when the clock is set back', async () => {
    const stage = new MemoryStage();
    const owner = await Owner.begin({ stage: async () => stage });
    const ids: number[] = [];
    for (let life = 0; life < 3; life++) {
      ids.push(await owner.enqueue());
      stage.clock.setBack(60_000);
      ids.push(await owner.enqueue());
      stage.clock.setBack(60_000);
      await owner.crashAndOpen();
    }
    expect(owner.take()).to.deep.equal(ids);
  });
});
