import { explore } from '@shoal/testing';
import { AwaitingEchoApp } from './apps.js';
import { emptyTally, type Tally, timed } from './tally.js';

const CLIENTS = 3;
const LINES = 20;
/** Runs of one exploration; the next one draws other seeds. */
const RUNS = 25;

/** Explores a small scenario with faults, again and again for `duration` ms. */
export async function explorations(duration: number): Promise<Tally> {
  const tally = emptyTally();
  await timed(tally, async () => {
    const end = performance.now() + duration;
    for (let seed = 1; performance.now() < end; seed++) {
      const report = await explore(
        AwaitingEchoApp,
        async (server) => {
          const clients = await Promise.all(Array.from({ length: CLIENTS }, () => server.connect()));
          for (const client of clients)
            for (let line = 0; line < LINES; line++) client.send(`line ${line}\n`);
          for (const client of clients)
            for (let line = 0; line < LINES; line++) {
              const got = await client.receiveLine();
              if (got !== `line ${line}`) throw new Error(`got ${got} for line ${line}`);
            }
          tally.events += server.world.events;
        },
        { runs: RUNS, seed },
      );
      // With the run that has no faults.
      tally.count += report.runs + 1;
    }
  });
  return tally;
}
