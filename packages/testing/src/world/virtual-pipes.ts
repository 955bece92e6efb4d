import { posix } from 'node:path';
import type { ByteStream, Chunks } from '@shoal/core/internal/platform/platform';
import type { Actor, Resource } from './actor.js';
import { systemError, type Medium } from './medium.js';
import type { VirtualFiles } from './virtual-files.js';
import { VirtualStream } from './virtual-stream.js';

const LONGEST_PATH = 107;

/**
 * Unix sockets by path. As in a real system, a process that is killed leaves
 * the name of its socket in the directory: nobody answers there, and nobody
 * can listen there until it is removed.
 */
export class VirtualPipes {
  readonly #listeners = new Map<string, PipeListener>();
  /** Virtual ms by which the pipes of a process take longer, by pid. */
  readonly #slow = new Map<number, number>();

  constructor(
    private readonly medium: Medium,
    private readonly files: VirtualFiles,
  ) {}

  listen(
    actor: Actor,
    path: string,
    accept: (stream: ByteStream) => void,
    chunks: Chunks = 'own',
  ): PipeListener {
    this.#checkPath(path, 'listen');
    if (this.files.hasSocket(path)) throw systemError('EADDRINUSE', `listen ${path}`);
    this.files.addSocket(path);
    const listener = new PipeListener(actor, chunks, accept, (removesName) => {
      this.#listeners.delete(path);
      if (removesName) this.files.removeSocket(path);
    });
    this.#listeners.set(path, listener);
    return listener;
  }

  connect(actor: Actor, path: string, chunks: Chunks = 'own'): VirtualStream {
    this.#checkPath(path, 'connect');
    if (!this.files.hasSocket(path)) throw systemError('ENOENT', `connect ${path}`);
    const listener = this.#listeners.get(path);
    if (listener === undefined) throw systemError('ECONNREFUSED', `connect ${path}`);
    const end = { address: path, port: 0 };
    const [near, far] = VirtualStream.pair(this.medium, end, end);
    far.belongTo(listener.actor);
    near.belongTo(actor);
    near.chunks = chunks;
    far.chunks = listener.chunks;
    if (this.#slow.size > 0) this.#slowDown(near);
    this.medium.scheduler.after(this.medium.delay(), listener.actor, () => listener.offer(far));
    return near;
  }

  /** Holds what passes from now on between this process and others for so many virtual ms, in both directions. */
  slow(pid: number, ms: number, actors: readonly Actor[]): void {
    if (ms === (this.#slow.get(pid) ?? 0)) return;
    if (ms === 0) this.#slow.delete(pid);
    else this.#slow.set(pid, ms);
    for (const actor of actors) {
      for (const resource of actor.resources)
        if (resource instanceof VirtualStream && resource.goesOver(this.medium)) this.#slowDown(resource);
    }
  }

  /** The slower of its two processes counts. */
  #slowDown(stream: VirtualStream): void {
    const [near = 0, far = 0] = [stream.pid, stream.peerPid].map((pid) => this.#slow.get(pid ?? 0));
    stream.line.lengthen(Math.max(near, far));
  }

  /** Paths on which a living process listens. */
  get paths(): readonly string[] {
    return [...this.#listeners.keys()];
  }

  #checkPath(path: string, call: string): void {
    if (Buffer.byteLength(path) > LONGEST_PATH)
      throw systemError('EINVAL', `${call} ${path} (over ${LONGEST_PATH} bytes)`);
    if (!path.startsWith('\0') && !this.files.hasDirectory(posix.dirname(path)))
      throw systemError('ENOENT', `${call} ${path}`);
  }
}

export class PipeListener implements Resource {
  #open = true;

  constructor(
    readonly actor: Actor,
    readonly chunks: Chunks,
    private readonly accept: (stream: ByteStream) => void,
    private readonly release: (removesName: boolean) => void,
  ) {
    actor.resources.add(this);
  }

  offer(stream: VirtualStream): void {
    if (this.#open) this.accept(stream);
    else stream.destroy(true);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.actor.resources.delete(this);
    this.release(true);
  }

  abandon(): void {
    if (!this.#open) return;
    this.#open = false;
    this.release(false);
  }
}
