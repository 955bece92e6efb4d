import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { NodeClock } from '@shoal/core/internal/platform/node/clock';
import { NodeStores } from '@shoal/core/internal/platform/node/store/node-stores';
import { StoredQueue } from '@shoal/core/internal/tasks/queue/stored-queue';

/** More of them by hand: `SHOAL_KILLS=50 npx mocha …`. */
const KILLS = Number(process.env['SHOAL_KILLS'] ?? 4);
const writer = fileURLToPath(new URL('../fixtures/queue/writer.js', import.meta.url));

const anAcceptance = /^\+ \d+\n/m;

/**
 * Runs the writer and kills it when it has said so much, an acceptance among it; resolves to all that it said. What
 * it says first may be about tasks of an earlier run.
 */
function writeAndKill(directory: string, syncInterval: number, bytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [writer, directory, String(syncInterval)]);
    let said = '';
    let complaints = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.length >= bytes && anAcceptance.test(said)) child.kill('SIGKILL');
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
    child.once('close', (_code, signal) => {
      if (signal === 'SIGKILL') resolve(said);
      else reject(new Error(`the writer left by itself: ${complaints}`));
    });
  });
}

async function open(parent: string): Promise<StoredQueue> {
  const store = await new NodeStores().open({ parent, name: 'queue', syncInterval: 0 });
  const nothing = (): void => {};
  return StoredQueue.open({
    store,
    clock: new NodeClock(),
    random: { next: () => Math.random() },
    limit: 1_000_000,
    targets: 0,
    maxAttempts: 2,
    events: { ready: nothing, room: nothing, died: nothing, trouble: nothing },
  });
}

describe('A queue whose owner is killed', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'shoal-queue-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  for (const [words, syncInterval] of [
    ['each commit synced', 0],
    ['synced now and then', 20],
  ] as const) {
    it(`has what it has accepted and nothing that was acknowledged, ${KILLS} times (${words})`, async function () {
      this.timeout(10_000 + KILLS * 2_000);
      const accepted = new Set<number>();
      const begun = new Set<number>();
      const gone = new Set<number>();
      const sets: Record<string, Set<number>> = { '+': accepted, '~': begun, '-': gone };
      for (let kill = 0; kill < KILLS; kill++) {
        const before = accepted.size;
        const said = await writeAndKill(directory, syncInterval, 1 + Math.floor(Math.random() * 60_000));
        // The last line may be cut.
        for (const line of said.slice(0, said.lastIndexOf('\n')).split('\n'))
          sets[line[0]!]?.add(Number(line.slice(2)));
        expect(accepted.size, 'the writer accepted nothing').to.be.greaterThan(before);
        const queue = await open(directory);
        const found = new Set(queue.list({ limit: Infinity }).map(({ id }) => id));
        await queue.close();
        const lost = [...accepted].filter((id) => !begun.has(id) && !found.has(id));
        const back = [...gone].filter((id) => found.has(id));
        expect({ lost, back }).to.deep.equal({ lost: [], back: [] });
      }
    });
  }

  it('frees the store at once, and nobody else has it before', async () => {
    const child = spawn(process.execPath, [writer, directory, '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const left = new Promise((resolve) => child.once('close', resolve));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const refusal = await open(directory).catch((error: unknown) => error);
    expect(refusal).to.include({
      code: 'CONFIG_QUEUE_DIRECTORY',
      message: `${join(directory, 'queue')} belongs to process ${child.pid}, which runs: stop that server, or give this one another messageQueueKey`,
    });
    child.kill('SIGKILL');
    await left;
    await (await open(directory)).close();
  });
});
