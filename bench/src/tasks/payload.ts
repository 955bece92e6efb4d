import type { Turn } from './cases.js';

/** The payload of a turn. */
export function payloadOf({ bytes, payload }: Pick<Turn, 'bytes' | 'payload'>): unknown {
  switch (payload) {
    case 'text':
      return 'x'.repeat(bytes);
    case 'bytes':
      return Buffer.alloc(bytes, 'x');
    case 'json': {
      const rest = { id: 123_456, kind: 'thumbnail', done: false, at: 1_700_000_000_000 };
      const around = JSON.stringify({ ...rest, text: '' }).length;
      return { ...rest, text: 'x'.repeat(Math.max(0, bytes - around)) };
    }
  }
}
