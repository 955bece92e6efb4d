/**
 * Something that happens at most once: the end of a link, the exit of a child.
 * Whoever asks is told, whether it asks before or after; late askers are told
 * in a microtask of their own, so that nobody is called back while it asks.
 */
export class Occurrence<Value> {
  #outcome: { readonly value: Value } | undefined;
  #waiting: ((value: Value) => void)[] = [];

  /** The first call counts. */
  happen(value: Value): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = { value };
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const run of waiting) run(value);
  }

  tell(run: (value: Value) => void): void {
    const outcome = this.#outcome;
    if (outcome === undefined) this.#waiting.push(run);
    else queueMicrotask(() => run(outcome.value));
  }
}
