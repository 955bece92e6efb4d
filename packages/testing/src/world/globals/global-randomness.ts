import { here } from './process-globals.js';
import type { Make } from './replacement.js';

/** `Math.random` */
export const random: Make = (real) =>
  function (...values) {
    return here()?.number() ?? Reflect.apply(real, this, values);
  };

/** `crypto.getRandomValues`. The real one runs first, to refuse what is no array of whole numbers, or too long. */
export const getRandomValues: Make = (real) =>
  function (...values) {
    const filled = Reflect.apply(real, this, values);
    const { buffer, byteOffset, byteLength } = filled as ArrayBufferView;
    here()?.fill(new Uint8Array(buffer, byteOffset, byteLength));
    return filled;
  };

/** `crypto.randomUUID`, version 4. The real one runs first, to refuse options that are none. */
export const randomUUID: Make = (real) =>
  function (...values) {
    const drawn = Reflect.apply(real, this, values);
    const own = here();
    if (own === undefined) return drawn;
    const bytes = Buffer.alloc(16);
    own.fill(bytes);
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  };
