import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
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
import { LogStore } from '@shoal/core/internal/platform/node/store/log-store';
import { NodeStores } from '@shoal/core/internal/platform/node/store/node-stores';
import type { StoreChange } from '@shoal/core/internal/platform/platform';

const SEGMENT_BYTES = 8_192;

const aChange: fc.Arbitrary<StoreChange> = fc.record({
  key: fc.oneof(fc.nat(20), fc.constantFrom(2 ** 32, 2 ** 48 - 1)),
  value: fc.option(fc.uint8Array({ maxLength: 600 }), { nil: undefined }),
});
const commits = fc.array(fc.array(aChange, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 40 });

function apply(values: Map<number, string>, changes: readonly StoreChange[]): void {
  for (const { key, value } of changes)
    if (value === undefined) values.delete(key);
    else values.set(key, Buffer.from(value).toString('hex'));
}

function contentOf(store: LogStore): Map<number, string> {
  const keys = [...store.keys()].sort((a, b) => a - b);
  return new Map(keys.map((key) => [key, store.get(key)!.toString('hex')]));
}

function sorted(values: ReadonlyMap<number, string>): Map<number, string> {
  return new Map([...values].sort(([a], [b]) => a - b));
}

describe('LogStore', () => {
  let root: string;
  let made = 0;
  const place = (): string => {
    const path = join(root, String(made++));
    mkdirSync(path);
    return path;
  };
  const open = (path: string, syncInterval = 0): Promise<LogStore> =>
    LogStore.open(path, syncInterval, SEGMENT_BYTES);
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
        for (const [index, changes] of all.entries()) {
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
      await fc.assert(property, { numRuns: 15 });
    });
  }

  it('keeps its files within a bound while the same keys are written again and again', async () => {
    const path = place();
    const store = await open(path);
    for (let round = 0; round < 150; round++)
      await store.commit([{ key: round % 10, value: Buffer.alloc(1_000, round) }]);
    expect(store.bytes).to.be.lessThan(8 * SEGMENT_BYTES);
    await store.close();
    const again = await open(path);
    for (let round = 140; round < 150; round++) expect(again.get(round % 10)![0]).to.equal(round);
    await again.close();
  });

  it('takes a value that is larger than a file', async () => {
    const path = place();
    const store = await open(path);
    await store.commit([{ key: 1, value: Buffer.alloc(5 * SEGMENT_BYTES, 7) }]);
    await store.commit([{ key: 2, value: Buffer.alloc(10) }]);
    await store.close();
    const again = await open(path);
    expect(again.get(1)!.equals(Buffer.alloc(5 * SEGMENT_BYTES, 7))).to.equal(true);
    await again.close();
  });

  it('refuses commits once it is being closed', async () => {
    const store = await open(place());
    const closing = store.close();
    const refusal = await store.commit([{ key: 1, value: undefined }]).catch(codeOf);
    expect(refusal).to.equal('TASK_STORE_FAILED');
    await closing;
  });

  it('brings nothing back that lay behind a commit which the machine had lost', async () => {
    const path = place();
    const store = await open(path, 60_000);
    for (const key of [1, 2, 3]) await store.commit([{ key, value: Buffer.alloc(100, key) }]);
    const copy = copyOf(path);
    await store.close();
    const [name] = readdirSync(copy).filter((file) => file.endsWith('.log'));
    const bytes = readFileSync(join(copy, name!));
    bytes.fill(0, bytes.indexOf(Buffer.alloc(100, 2)), bytes.indexOf(Buffer.alloc(100, 3)) - 26);
    writeFileSync(join(copy, name!), bytes);
    const next = await open(copy);
    expect([...next.keys()]).to.deep.equal([1]);
    // As long as the one that was lost, it would lead to the next.
    await next.commit([{ key: 4, value: Buffer.alloc(100, 4) }]);
    await next.close();
    const last = await open(copy);
    expect([...last.keys()]).to.deep.equal([1, 4]);
    await last.close();
  });

  describe('after a crash', () => {
    /** A store in several files whose owner died, and what it had confirmed. */
    async function crashed(): Promise<{ path: string; values: Map<number, string> }> {
      const path = place();
      const store = await open(path);
      const values = new Map<number, string>();
      for (let key = 0; key < 40; key++) {
        const changes = [{ key, value: Buffer.alloc(500, key) }];
        await store.commit(changes);
        apply(values, changes);
      }
      const copy = copyOf(path);
      await store.close();
      return { path: copy, values };
    }

    const logs = (path: string): string[] =>
      readdirSync(path)
        .filter((name) => name.endsWith('.log'))
        .sort()
        .map((name) => join(path, name));

    /** Opens it: everything is there, or it is refused and no byte has changed. */
    async function verdict(path: string, values: ReadonlyMap<number, string>): Promise<string> {
      const before = logs(path).map((file) => readFileSync(file));
      let store: LogStore;
      try {
        store = await open(path);
      } catch (error) {
        expect(codeOf(error)).to.equal('QUEUE_DAMAGED');
        const after = logs(path).map((file) => readFileSync(file));
        expect(
          after.length === before.length && after.every((bytes, index) => bytes.equals(before[index]!)),
        ).to.equal(true);
        return 'refused';
      }
      expect(contentOf(store)).to.deep.equal(sorted(values));
      await store.close();
      return 'whole';
    }

    it('is whole when nothing was damaged', async () => {
      const { path, values } = await crashed();
      expect(logs(path).length).to.be.greaterThan(2);
      expect(await verdict(path, values)).to.equal('whole');
    });

    it('is whole when a commit was torn, and goes on behind it', async () => {
      const { path, values } = await crashed();
      const file = logs(path).at(-1)!;
      const bytes = readFileSync(file);
      const end = bytes.length - [...bytes].reverse().findIndex((byte) => byte !== 0);
      bytes.fill(0xaa, end, end + 300);
      writeFileSync(file, bytes);
      expect(await verdict(path, values)).to.equal('whole');
      const store = await open(path);
      await store.commit([{ key: 99, value: Buffer.alloc(3) }]);
      await store.close();
      expect(await verdict(path, new Map([...values, [99, '000000']]))).to.equal('whole');
    });

    it('is whole when the draft of a next file was left, or bytes were added behind the last', async () => {
      const { path, values } = await crashed();
      writeFileSync(join(path, '0000000099.log.new'), 'half');
      writeFileSync(logs(path).at(-1)!, Buffer.alloc(500, 0xaa), { flag: 'a' });
      expect(await verdict(path, values)).to.equal('whole');
      expect(readdirSync(path)).not.to.include('0000000099.log.new');
    });

    it('is refused when any file is missing', async () => {
      const { path, values } = await crashed();
      for (const index of logs(path).keys()) {
        const copy = copyOf(path);
        rmSync(logs(copy)[index]!);
        expect(await verdict(copy, values)).to.equal('refused');
      }
    });

    it('is refused when any file was cut', async () => {
      const { path, values } = await crashed();
      for (const index of logs(path).keys()) {
        const copy = copyOf(path);
        truncateSync(logs(copy)[index]!, Math.floor(statSync(logs(copy)[index]!).size / 2));
        expect(await verdict(copy, values)).to.equal('refused');
      }
    });

    it('is refused when a file is none of its own', async () => {
      const { path, values } = await crashed();
      writeFileSync(logs(path)[0]!, Buffer.alloc(SEGMENT_BYTES, 'x'));
      expect(await verdict(path, values)).to.equal('refused');
    });

    it('is whole or refused, whatever bytes were changed', async () => {
      const { path, values } = await crashed();
      const outcomes = new Set<string>();
      const property = fc.asyncProperty(
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 1, max: 5_000 }),
        fc.nat(254),
        async (which, where, size, noise) => {
          const copy = copyOf(path);
          const file = logs(copy)[which % logs(copy).length]!;
          const bytes = readFileSync(file);
          const from = where % bytes.length;
          for (let at = from; at < Math.min(bytes.length, from + size); at++)
            bytes[at]! ^= 1 + ((at * 7 + noise) % 255);
          writeFileSync(file, bytes);
          outcomes.add(await verdict(copy, values));
        },
      );
      await fc.assert(property, { numRuns: 60 });
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
