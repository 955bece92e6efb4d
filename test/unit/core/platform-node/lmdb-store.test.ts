import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { codeOf } from '@shoal/core/internal/errors';
import { LmdbStore } from '@shoal/core/internal/platform/node/store/lmdb-store';
import { NodeStores } from '@shoal/core/internal/platform/node/store/node-stores';
import type { StoreChange } from '@shoal/core/internal/platform/platform';

const PAGE = 4_096;
const FILE = 'queue.mdb';
/** About as many as the store of the damage tests has; what is behind is room. */
const USED_PAGES = 48;

/** The bytes of a value, or none for a key that goes. */
const aChange = fc.record({
  key: fc.oneof(fc.nat(20), fc.constantFrom(2 ** 32, 2 ** 48 - 1)),
  bytes: fc.option(fc.oneof(fc.nat(600), fc.integer({ min: 2_000, max: 100_000 })), { nil: undefined }),
});
const commits = fc.array(fc.array(aChange, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 30 });

function apply(values: Map<number, string>, changes: readonly StoreChange[]): void {
  for (const { key, value } of changes)
    if (value === undefined) values.delete(key);
    else values.set(key, Buffer.from(value).toString('hex'));
}

function contentOf(store: LmdbStore): Map<number, string> {
  const keys = [...store.keys()].sort((a, b) => a - b);
  return new Map(keys.map((key) => [key, store.get(key)!.toString('hex')]));
}

function sorted(values: ReadonlyMap<number, string>): Map<number, string> {
  return new Map([...values].sort(([a], [b]) => a - b));
}

describe('LmdbStore', () => {
  let root: string;
  let made = 0;
  const place = (): string => {
    const path = join(root, String(made++));
    mkdirSync(path);
    return path;
  };
  const open = (path: string, syncInterval = 0): Promise<LmdbStore> => LmdbStore.open(path, syncInterval);
  /** The files as they are now, as if the process had been killed. */
  const copyOf = (path: string): string => {
    const copy = join(root, String(made++));
    cpSync(path, copy, { recursive: true });
    return copy;
  };
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'shoal-store-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  for (const syncInterval of [0, 1]) {
    it(`has what was committed, before and after it is opened again (sync interval ${syncInterval})`, async () => {
      const property = fc.asyncProperty(commits, fc.nat(3), async (all, pace) => {
        let path = place();
        let store = await open(path, syncInterval);
        const values = new Map<number, string>();
        let pending: Promise<void>[] = [];
        for (const [index, sizes] of all.entries()) {
          const changes = sizes.map(({ key, bytes }) => ({
            key,
            value: bytes === undefined ? undefined : Buffer.alloc(bytes, index + 1),
          }));
          pending.push(store.commit(changes));
          apply(values, changes);
          if (index % (pace + 1) !== 0) continue;
          await Promise.all(pending);
          pending = [];
          expect(contentOf(store)).to.deep.equal(sorted(values));
          if (index % 8 !== 7) continue;
          const former = store;
          path = copyOf(path);
          store = await open(path, syncInterval);
          await former.close();
          expect(contentOf(store)).to.deep.equal(sorted(values));
        }
        await Promise.all(pending);
        await store.close();
        store = await open(path, syncInterval);
        expect(contentOf(store)).to.deep.equal(sorted(values));
        await store.close();
      });
      await fc.assert(property, { numRuns: 10 });
    });
  }

  it('keeps its file within a bound while the same keys are written again and again', async () => {
    const path = place();
    const store = await open(path, 1_000);
    for (let round = 0; round < 300; round++)
      await store.commit([{ key: round % 10, value: Buffer.alloc(1_000, round) }]);
    await store.close();
    expect(statSync(join(path, FILE)).size).to.be.lessThan(1024 * PAGE);
    const again = await open(path);
    for (let round = 290; round < 300; round++) expect(again.get(round % 10)![0]).to.equal(round % 256);
    await again.close();
  });

  it('makes a commit of 30,000 changes, and grows its map for it', async () => {
    const path = place();
    const store = await open(path);
    const changes = Array.from({ length: 30_000 }, (_, key) => ({ key, value: Buffer.alloc(200, key) }));
    await store.commit(changes);
    expect(store.get(29_999)!.equals(changes[29_999]!.value)).to.equal(true);
    await store.commit(changes.slice(1).map(({ key }) => ({ key, value: undefined })));
    await store.close();
    const again = await open(path);
    expect([...again.keys()]).to.deep.equal([0]);
    await again.close();
  });

  it('refuses commits once it is being closed', async () => {
    const store = await open(place());
    const closing = store.close();
    const refusal = await store.commit([{ key: 1, value: undefined }]).catch(codeOf);
    expect(refusal).to.equal('TASK_STORE_FAILED');
    await closing;
  });

  describe('after a crash', () => {
    /** A store of several levels whose owner died, and what it had confirmed. */
    async function crashed(): Promise<{ path: string; values: Map<number, string> }> {
      const path = place();
      const store = await open(path, 60_000);
      const values = new Map<number, string>();
      for (let commit = 0; commit < 5; commit++) {
        const changes: StoreChange[] = Array.from({ length: 60 }, (_, index) => ({
          key: commit * 60 + index,
          value: Buffer.alloc(index === 7 ? 9_000 : 300, index),
        }));
        if (commit > 0) changes.push({ key: commit * 60 - 1, value: undefined });
        await store.commit(changes);
        apply(values, changes);
      }
      const copy = copyOf(path);
      await store.close();
      return { path: copy, values };
    }

    /** Opens it: everything is there, or it is refused and no byte has changed. */
    async function verdict(path: string, values: ReadonlyMap<number, string>): Promise<string> {
      const before = readFileSync(join(path, FILE));
      let store: LmdbStore | undefined;
      try {
        store = await open(path);
        expect(contentOf(store)).to.deep.equal(sorted(values));
        return 'whole';
      } catch (error) {
        expect(codeOf(error), String(error)).to.equal('QUEUE_DAMAGED');
        expect(readFileSync(join(path, FILE)).equals(before)).to.equal(true);
        return 'refused';
      } finally {
        await store?.close();
      }
    }

    function change(path: string, work: (bytes: Buffer) => void): void {
      const bytes = readFileSync(join(path, FILE));
      work(bytes);
      writeFileSync(join(path, FILE), bytes);
    }

    it('is whole when nothing was damaged', async () => {
      const { path, values } = await crashed();
      expect(await verdict(path, values)).to.equal('whole');
    });

    it('is whole when a commit was torn before it had its place, and goes on', async () => {
      const { path, values } = await crashed();
      writeFileSync(join(path, FILE), Buffer.alloc(3 * PAGE + 500, 0xaa), { flag: 'a' });
      expect(await verdict(path, values)).to.equal('whole');
      const store = await open(path);
      await store.commit([{ key: 9_999, value: Buffer.alloc(3) }]);
      await store.close();
      expect(await verdict(path, new Map([...values, [9_999, '000000']]))).to.equal('whole');
    });

    it('is empty when the machine failed before the file was first on disk', async () => {
      for (const size of [0, 2 * PAGE]) {
        const path = place();
        writeFileSync(join(path, FILE), Buffer.alloc(size));
        expect(await verdict(path, new Map())).to.equal('whole');
      }
    });

    it('is refused when the file was cut', async () => {
      const { path, values } = await crashed();
      const outcomes: string[] = [];
      for (const pages of [0.1, 1, 2, 10]) {
        const copy = copyOf(path);
        truncateSync(join(copy, FILE), Math.floor(pages * PAGE));
        outcomes.push(await verdict(copy, values));
      }
      expect(outcomes).to.deep.equal(['refused', 'refused', 'refused', 'refused']);
    });

    it('is refused when the file is none of its own, or has another format', async () => {
      const { path, values } = await crashed();
      const copy = copyOf(path);
      writeFileSync(join(path, FILE), Buffer.alloc(16 * PAGE, 'x'));
      expect(await verdict(path, values)).to.equal('refused');
      change(copy, (bytes) => bytes.writeUInt32LE(1, 28));
      const refusal: unknown = await open(copy).catch((error: unknown) => error);
      expect((refusal as Error).message).to.contain('has the format 1, and this version knows 2 only');
    });

    it('is refused, or whole where nobody needs it, whatever page is nothing but zeros', async () => {
      const { path, values } = await crashed();
      const outcomes = new Set<string>();
      for (let page = 0; page < USED_PAGES; page++) {
        const copy = copyOf(path);
        change(copy, (bytes) => bytes.fill(0, page * PAGE, (page + 1) * PAGE));
        outcomes.add(await verdict(copy, values));
      }
      expect([...outcomes].sort()).to.deep.equal(['refused', 'whole']);
    });

    it('is whole or refused, whatever bytes behind the first two pages were changed', async () => {
      const { path, values } = await crashed();
      const outcomes = new Set<string>();
      const property = fc.asyncProperty(
        fc.nat(),
        fc.integer({ min: 1, max: 5_000 }),
        fc.nat(254),
        async (where, size, noise) => {
          const copy = copyOf(path);
          change(copy, (bytes) => {
            const from = 2 * PAGE + (where % ((USED_PAGES - 2) * PAGE));
            for (let at = from; at < Math.min(bytes.length, from + size); at++)
              bytes[at]! ^= 1 + ((at * 7 + noise) % 255);
          });
          outcomes.add(await verdict(copy, values));
        },
      );
      await fc.assert(property, { numRuns: Number(process.env['SHOAL_DAMAGES'] ?? 60) });
      expect([...outcomes]).to.include('refused');
    });
  });

  describe('by its place', () => {
    it('has one owner, and says who', async () => {
      const stores = new NodeStores();
      const at = { parent: root, name: 'mail', syncInterval: 0 };
      const first = await stores.open(at);
      const refusal: unknown = await stores.open(at).catch((error: unknown) => error);
      expect(refusal).to.include({ code: 'CONFIG_QUEUE_DIRECTORY' });
      expect((refusal as Error).message)
        .to.contain(`process ${process.pid}`)
        .and.to.contain(first.path);
      await first.close();
      await (await stores.open(at)).close();
    });

    it('is made for its user alone, with all above it', async () => {
      const store = await new NodeStores().open({
        parent: join(root, 'a', 'b'),
        name: 'mail',
        syncInterval: 0,
      });
      expect(statSync(store.path).mode & 0o777).to.equal(0o700);
      await store.close();
    });

    it('refuses a place that cannot be a directory', async () => {
      writeFileSync(join(root, 'file'), '');
      chmodSync(join(root, 'file'), 0o600);
      const refusal: unknown = await new NodeStores()
        .open({ parent: join(root, 'file'), name: 'mail', syncInterval: 0 })
        .catch((error: unknown) => error);
      expect(refusal).to.include({ code: 'CONFIG_QUEUE_DIRECTORY' });
      expect((refusal as Error).message).to.match(/cannot keep a queue in .*ENOTDIR|EEXIST/);
    });
  });
});
