/** What a program would start, as `shoal check` gets it from a process that starts none of it. */
import type { Settings } from '../config/load.js';
import type { CommandPlace, TimerSpec } from '../definition.js';
import type { Topology } from '../topology/topology.js';

/** A program that is checked → the command that checks it: what it would start. */
export interface Plan {
  readonly settings: Settings;
  readonly topology: Topology;
  /** In the order of the settings; each handler by its label. */
  readonly listeners: readonly {
    readonly name: string;
    readonly handlers: Readonly<Record<string, string>>;
  }[];
  /** Of all processes but those of the user. */
  readonly hooks: readonly PlannedHook[];
  readonly timers: readonly PlannedTimer[];
  readonly commands: readonly PlannedCommand[];
  readonly userProcesses: readonly PlannedProcess[];
}

/** In the order in which they run; `event` as a decorator calls it. */
export interface PlannedHook {
  readonly event: string;
  readonly label: string;
}

export interface PlannedCommand {
  readonly name: string;
  /** Absent in a user process. */
  readonly on?: CommandPlace;
  readonly label: string;
}

export interface PlannedProcess {
  readonly name: string;
  /** The class or module, or `a function`. */
  readonly body: string;
  readonly hooks: readonly PlannedHook[];
  readonly timers: readonly PlannedTimer[];
  readonly commands: readonly PlannedCommand[];
}

/** `interval` is in ms. */
export type PlannedTimer = Pick<TimerSpec, 'interval' | 'label' | 'once' | 'on'>;
