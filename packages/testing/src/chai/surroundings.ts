import type { TraceEvent } from '../trace/trace-event.js';
import { lastEvents } from '../trace/trace-text.js';

const SHOWN_EVENTS = 8;
const SHOWN_CHARACTERS = 300;

/**
 * Lines for the end of a message: the seed and the last events of the trace.
 * They are looked for in the subject of the assertion, which need not have them.
 */
export function surroundings(subject: object): string[] {
  const { seed, world, trace } = subject as { seed?: unknown; world?: { seed?: unknown }; trace?: unknown };
  const known = seed ?? world?.seed;
  return [
    ...(typeof known === 'number' ? [`seed ${known}`] : []),
    ...(Array.isArray(trace) && trace.length > 0
      ? [indented(lastEvents(trace as readonly TraceEvent[], SHOWN_EVENTS))]
      : []),
  ];
}

/** A text of several lines as a part of a message, with its longest lines cut. */
export function indented(text: string): string {
  const cut = (line: string): string =>
    line.length > SHOWN_CHARACTERS ? `${line.slice(0, SHOWN_CHARACTERS)}…` : line;
  return text.split('\n').map(cut).join('\n  ');
}
