const LINES = 12;

interface Line {
  readonly level: string;
  readonly role: string;
  readonly workerId?: number;
  readonly pid: number;
  readonly time?: number;
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** The end of a log, for the message of a failure. */
export function lastLines(logs: readonly Line[]): string {
  const lines = logs.slice(-LINES).map(({ level, role, workerId, pid, time, message, fields }) => {
    const when = time === undefined ? '' : `${time.toFixed(1)} `;
    const who = workerId === undefined ? role : `${role} ${workerId}`;
    return `  ${when}${pid} ${who} ${level}: ${message}${fields === undefined ? '' : ` ${JSON.stringify(fields, errorsAsText)}`}`;
  });
  return lines.length === 0 ? 'no log lines' : `the last log lines:\n${lines.join('\n')}`;
}

function errorsAsText(_name: string, value: unknown): unknown {
  return value instanceof Error ? (value.stack ?? value.message) : value;
}
