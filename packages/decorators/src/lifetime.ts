/**
 * What lives as long as a process or a connection: the instances that exist
 * once in it, and everything made in it, disposed in reverse order.
 *
 * tsyringe's own `dispose` runs all disposals at once and passes over what
 * factories made, so it is not used.
 */
import type { Constructor } from '@shoal/core/internal/definition';

type Disposal = { readonly name: string; readonly run: () => unknown };

export interface DisposalFailure {
  /** The class or token whose disposal failed. */
  readonly name: string;
  readonly error: unknown;
}

export class Lifetime {
  readonly #instances = new Map<Constructor, object>();
  readonly #known = new Set<unknown>();
  #disposals: Disposal[] = [];
  #ending: Promise<unknown> = Promise.resolve();

  /** How many objects are held for disposal. */
  get held(): number {
    return this.#disposals.length;
  }

  /** The one instance of a class in this lifetime, made on first use. */
  one(type: Constructor, make: () => object): object {
    let instance = this.#instances.get(type);
    if (instance === undefined) {
      instance = make();
      this.#instances.set(type, instance);
      this.made(type.name, instance);
    }
    return instance;
  }

  /**
   * Notes that a value was made here and is disposed in its turn: by `dispose`,
   * or else by its own method, once even if several tokens stand for it.
   */
  made(name: string, value: unknown, dispose?: () => unknown): void {
    const run = dispose ?? (this.#known.has(value) ? undefined : disposal(value));
    if (run === undefined) return;
    this.#known.add(value);
    this.#disposals.push({ name, run });
  }

  /** Notes that a value belongs to somebody else, even if a factory hands it out again. */
  lent(value: unknown): void {
    this.#known.add(value);
  }

  /**
   * Disposes one after the other, the youngest first; a failure does not keep
   * the others from their turn. Called again, it waits for the first call and
   * disposes only what has come since.
   */
  end(): Promise<readonly DisposalFailure[]> {
    const ending = this.#ending.then(() => this.#disposeAll());
    this.#ending = ending;
    return ending;
  }

  async #disposeAll(): Promise<readonly DisposalFailure[]> {
    const disposals = this.#disposals.reverse();
    this.#disposals = [];
    this.#instances.clear();
    this.#known.clear();
    const failures: DisposalFailure[] = [];
    for (const { name, run } of disposals) {
      try {
        await run();
      } catch (error) {
        failures.push({ name, error });
      }
    }
    return failures;
  }
}

/** What a value itself offers for its disposal, if it is an object and offers any. */
function disposal(value: unknown): (() => unknown) | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { dispose, [Symbol.asyncDispose]: asyncDispose } = value as Partial<
    Record<'dispose' | typeof Symbol.asyncDispose, unknown>
  >;
  const method = asyncDispose ?? dispose;
  return typeof method === 'function' ? () => method.call(value) as unknown : undefined;
}
