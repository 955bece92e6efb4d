import type { WireError } from '@shoal/core/internal/errors';
import type { SettingsOverrides } from './application.js';
import type { RunningInfo } from './harness.js';

/** What the entry of a launched server finds in the file that its command line names, anew in every process. */
export interface LaunchPlan {
  readonly module: string;
  readonly exportName: string;
  readonly settings: SettingsOverrides;
  readonly override?: string;
  readonly overrideExport?: string;
}

/** The launched master → the test. */
export type FromLaunched =
  | { readonly type: 'ready'; readonly running: RunningInfo }
  | { readonly type: 'failed'; readonly error: WireError }
  | {
      readonly type: 'answer';
      readonly request: number;
      readonly running: RunningInfo;
      readonly result?: unknown;
    }
  | { readonly type: 'refusal'; readonly request: number; readonly error: WireError };

/** The test → the launched master. */
export interface ToLaunched {
  readonly request: number;
  readonly wants: Wanted;
}

export type Wanted =
  | { readonly what: 'running' | 'stats' | 'status' }
  | { readonly what: 'reload'; readonly only?: 'task' }
  | { readonly what: 'stop'; readonly workerId: number };
