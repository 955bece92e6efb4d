/** One thing that every implementation of a contract does, for the `it` of any test runner. */
export interface ConformanceCase {
  readonly title: string;
  /** Rejects when the implementation does not. */
  run(): Promise<void>;
}
