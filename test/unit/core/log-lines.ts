import { Logger } from '@shoal/core/internal/log';
import type { LogRecord } from '@shoal/core/internal/platform/platform';

/** A logger that keeps its lines. */
export function keptLog(): { readonly logger: Logger; readonly lines: LogRecord[] } {
  const lines: LogRecord[] = [];
  const logger = new Logger({ write: (line) => void lines.push(line) }, { role: 'test' }, 'debug');
  return { logger, lines };
}
