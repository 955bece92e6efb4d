/**
 * The thread that watches the event loop of its process from beside.
 *
 * The main thread renews a beat; when that stands still, this thread attaches
 * the inspector, pauses the main thread where it is, writes its frames to a file
 * and lets it go on. It is detached before it looks again: a process that exits
 * waits for an attached inspector. When the main thread goes on by itself the
 * file is removed, so that it tells of the present block or there is none.
 *
 * Only its own time counts: after a pause of the whole process, a stopped one
 * for example, both threads were silent and nothing is suspected.
 */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { Session, type Debugger, type InspectorNotification } from 'node:inspector';
import { workerData } from 'node:worker_threads';
import { BEATS_PER_BLOCK, type WatcherData } from './block-watcher-data.js';

const MAX_FRAMES = 50;
const MAX_BYTES = 16 * 1024;
/** Code that does not come back to JavaScript in this time, in ms, cannot be paused. */
const PAUSE_TIMEOUT_MS = 2_000;

const { shared, afterMs, path } = workerData as WatcherData;
const beat = new Int32Array(shared);
const interval = afterMs / BEATS_PER_BLOCK;
let lastBeat = Atomics.load(beat, 0);
let lastLook = performance.now();
let silence = 0;
/** The file tells of a block, or nothing could be had of it. */
let traced = false;

setInterval(look, interval);

function look(): void {
  const now = performance.now();
  const gap = now - lastLook;
  lastLook = now;
  const present = Atomics.load(beat, 0);
  if (present !== lastBeat) {
    lastBeat = present;
    silence = 0;
    if (traced) rmSync(path, { force: true });
    traced = false;
    return;
  }
  silence = gap > 2 * interval + 50 ? 0 : silence + gap;
  if (silence < afterMs || traced || Atomics.load(beat, 1) === 1) return;
  traced = true;
  trace();
}

function trace(): void {
  const session = new Session();
  const scripts = new Map<string, string>();
  const end = (): void => {
    clearTimeout(timer);
    session.disconnect();
  };
  const timer = setTimeout(end, PAUSE_TIMEOUT_MS);
  session.on('Debugger.scriptParsed', ({ params }) => void scripts.set(params.scriptId, params.url));
  session.on('Debugger.paused', ({ params }: InspectorNotification<Debugger.PausedEventDataType>) => {
    const frames = params.callFrames.map((frame) => lineOf(frame, scripts));
    session.post('Debugger.resume');
    end();
    // Code outside of JavaScript may have come back only now, and this is not where it was.
    if (Atomics.load(beat, 0) === lastBeat) write(frames);
  });
  session.connectToMainThread();
  session.post('Debugger.enable');
  session.post('Debugger.pause');
}

function lineOf(
  { functionName, url, location }: Debugger.CallFrame,
  scripts: ReadonlyMap<string, string>,
): string {
  const line = location.lineNumber + 1;
  const column = (location.columnNumber ?? 0) + 1;
  const place = `${url || (scripts.get(location.scriptId) ?? 'unknown')}:${line}:${column}`;
  return functionName === '' ? `    at ${place}` : `    at ${functionName} (${place})`;
}

/** Whole or not at all: the process may be killed at any moment. */
function write(frames: readonly string[]): void {
  const lines = [`blocked for ${Math.round(silence)} ms, at that time in`, ...frames.slice(0, MAX_FRAMES)];
  const text = Buffer.from(lines.join('\n')).subarray(0, MAX_BYTES);
  try {
    writeFileSync(`${path}.part`, text, { mode: 0o600 });
    renameSync(`${path}.part`, path);
  } catch {
    // The directory is gone, or the disk is full: the block is told without its stack.
  }
}
