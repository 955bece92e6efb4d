import { isUtf8 } from 'node:buffer';

/** Characters after which a text is cut. */
const SHOWN_CHARACTERS = 200;
/** Bytes in front of the place that matters; each may take four characters. */
const SHOWN_BEFORE = 30;

/**
 * Bytes as a quoted text: UTF-8 where they are, `\x00` where they are not, and
 * about 200 characters of them at most, from a little before `place` if that
 * would be cut off.
 */
export function showBytes(bytes: Uint8Array, place = 0): string {
  const buffer = asBuffer(bytes);
  const whole = render(buffer, 0);
  if (whole.end === buffer.length || place < whole.end) return whole.text;
  let start = Math.max(0, Math.min(place, buffer.length) - SHOWN_BEFORE);
  while (isContinuation(buffer[start])) start++;
  return render(buffer, start).text;
}

function render(buffer: Buffer, start: number): { readonly text: string; readonly end: number } {
  let text = start > 0 ? '…"' : '"';
  let at = start;
  while (at < buffer.length && text.length < SHOWN_CHARACTERS) {
    const size = sizeOfCharacter(buffer, at);
    text += size === 0 ? hex(buffer[at]!) : escape(buffer.toString('utf8', at, at + size));
    at += size || 1;
  }
  return { text: `${text}"${at < buffer.length ? '…' : ''}`, end: at };
}

/** Bytes as the text that a test runner compares line by line. */
export function plainText(bytes: Uint8Array): string {
  const buffer = asBuffer(bytes);
  return isUtf8(buffer) ? buffer.toString() : buffer.toString('latin1');
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** How many bytes the UTF-8 character at that place has; 0 when there is none. */
function sizeOfCharacter(buffer: Buffer, at: number): number {
  const first = buffer[at]!;
  const size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return at + size <= buffer.length && isUtf8(buffer.subarray(at, at + size)) ? size : 0;
}

/** Whether the byte goes on with a UTF-8 character that began before it. */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '"': '\\"',
  '\\': '\\\\',
};

function escape(character: string): string {
  const code = character.codePointAt(0)!;
  const known = ESCAPES[character];
  if (known !== undefined) return known;
  if (code < 0x20 || code === 0x7f) return hex(code);
  // Other controls and spaces, and what turns the direction of writing, would not be seen or spoil the line.
  return /[\p{C}\p{Z}]/u.test(character) && character !== ' ' ? `\\u{${code.toString(16)}}` : character;
}

function hex(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}
