import type { Draft } from './fill.js';
import { pathInWords, valueAt, type Path, type Problem } from './problem.js';
import { group } from './reader.js';
import type { StreamListenerSettings } from './schema.js';
import { show } from './show.js';
import { sizeInWords } from './size.js';

type Marks = Draft<
  Pick<StreamListenerSettings, 'socketBufferSize' | 'bufferHighWatermark' | 'bufferLowWatermark'>
>;

/**
 * Marks that can never be crossed. A value that a listener takes over is reported
 * where the one stands that it does not fit to.
 */
export function impossibleMarks(input: unknown, at: Path, marks: Marks): Problem[] {
  const { socketBufferSize: bound, bufferHighWatermark: high, bufferLowWatermark: low } = marks;
  const isWritten = (...names: (keyof Marks)[]): boolean =>
    names.some((name) => valueAt(input, [...at, name]) !== undefined);
  const problems: Problem[] = [];
  const tell = (name: keyof Marks, value: number, reason: string, remedy: string): void => {
    const path = [...at, name];
    problems.push({ path: pathInWords(path), found: show(valueAt(input, path) ?? value), reason, remedy });
  };
  if (bound === undefined || high === undefined || low === undefined) return [];
  if (high > bound && isWritten('bufferHighWatermark', 'socketBufferSize')) {
    const reason = `is above socketBufferSize (${sizeInWords(bound)})`;
    tell('bufferHighWatermark', high, reason, `write at most ${group(bound)}, or raise socketBufferSize`);
  }
  if (low >= high && isWritten('bufferHighWatermark', 'bufferLowWatermark', 'socketBufferSize')) {
    const reason = `is not below bufferHighWatermark (${sizeInWords(high)})`;
    tell('bufferLowWatermark', low, reason, `write at most ${group(high - 1)}, or raise bufferHighWatermark`);
  }
  return problems;
}
