import type { TestLog } from './harness.js';

/** Takes the output of launched processes apart: JSON lines of the logger, and whatever else was printed. */
export class LogLines {
  readonly lines: TestLog[] = [];
  #rest = '';

  /** Lines that are not the logger's are kept under the role `name`. */
  constructor(private readonly name: string) {}

  add(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') this.lines.push(parse(line) ?? this.#plain(line));
  }

  #plain(message: string): TestLog {
    return { level: 'info', role: this.name, pid: 0, message };
  }
}

function parse(line: string): TestLog | undefined {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const { level, role, workerId, pid, msg, time: _time, ...fields } = record ?? {};
  if (typeof level !== 'string' || typeof role !== 'string' || typeof msg !== 'string') return undefined;
  return {
    level,
    role,
    ...(typeof workerId === 'number' && { workerId }),
    pid: typeof pid === 'number' ? pid : 0,
    message: msg,
    ...(Object.keys(fields).length > 0 && { fields }),
  };
}
