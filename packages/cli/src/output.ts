/** What the command prints: results to standard output, complaints and progress to standard error. */
import { styleText } from 'node:util';

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** What happens meanwhile; it is not the result. */
export function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function complain(text: string): void {
  const prefix = colours(2) ? styleText('red', 'shoal:', { validateStream: false }) : 'shoal:';
  process.stderr.write(`${prefix} ${text}\n`);
}

/** Whether that output is a terminal for colours. */
export function colours(descriptor: 1 | 2): boolean {
  const stream = descriptor === 1 ? process.stdout : process.stderr;
  return stream.isTTY && process.env['NO_COLOR'] === undefined;
}

export function titled(text: string, coloured: boolean): string {
  return coloured ? styleText('bold', text, { validateStream: false }) : text;
}
