/** The same tasks on piscina with one thread: what a process hands to a thread of its own. */
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { Outcome, Turn } from './cases.js';
import { payloadOf } from './payload.js';

const pool = new Piscina({
  filename: fileURLToPath(new URL('./piscina-worker.js', import.meta.url)),
  minThreads: 1,
  maxThreads: 1,
  // As many as the case has on their way: one thread that takes what is there.
  concurrentTasksPerWorker: 64,
});

async function play(turn: Turn): Promise<Outcome> {
  const payload = payloadOf(turn);
  const began = performance.now();
  let done = 0;
  const line = async (): Promise<void> => {
    while (performance.now() - began < turn.duration) {
      await pool.run(payload);
      done++;
    }
  };
  await Promise.all(Array.from({ length: turn.inFlight }, line));
  return { done, elapsed: performance.now() - began };
}

process.on('message', (turn: Turn) => {
  void play(turn).then((outcome) => process.send?.({ outcome }));
});
process.once('disconnect', () => void pool.destroy().then(() => process.exit(0)));
process.send?.({ ready: true });
