import { simulate } from '@shoal/testing';
import { EchoApp } from './apps.js';
import { emptyTally, type Tally, timed } from './tally.js';

/** Starts and stops a server again and again for `duration` ms, each time with another seed. */
export async function boots(duration: number): Promise<Tally> {
  const tally = emptyTally();
  await timed(tally, async () => {
    const end = performance.now() + duration;
    do {
      tally.count++;
      const server = await simulate(EchoApp, { seed: tally.count });
      await server.stop();
      tally.events += server.world.events;
    } while (performance.now() < end);
  });
  return tally;
}
