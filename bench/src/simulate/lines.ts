/** Bytes of every line, its end included. */
export const LINE_BYTES = 32;

/** So many lines, each of which differs from every other of every client. */
export function linesOf(client: number, lines: number): Buffer {
  const all = Array.from({ length: lines }, (_, line) => {
    return `${`client ${client} line ${line} `.padEnd(LINE_BYTES - 1, '.')}\n`;
  });
  return Buffer.from(all.join(''), 'latin1');
}
