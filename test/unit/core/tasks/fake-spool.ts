import { Spool } from '@shoal/core/internal/tasks/spool';

/** Files in memory; writing and reading take a promise job each. */
export class FakeFiles {
  readonly files = new Map<string, Buffer>();
  /** What the next writes fail with. */
  failure: Error | undefined;

  async writeSpool(path: string, content: string | Uint8Array): Promise<void> {
    await Promise.resolve();
    if (this.failure !== undefined) throw this.failure;
    this.files.set(path, Buffer.from(content as string));
  }

  async readSpool(path: string): Promise<Buffer> {
    await Promise.resolve();
    const content = this.files.get(path);
    if (content === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    return content;
  }

  async discard(path: string): Promise<void> {
    await Promise.resolve();
    this.files.delete(path);
  }

  /** The spool of the process with that incarnation. */
  spool(incarnation: number): Spool {
    const spool = new Spool(this, '/spool');
    spool.identify(incarnation, 100);
    return spool;
  }
}
