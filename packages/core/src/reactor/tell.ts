import type { Settlement } from '../pipe/messages.js';

/**
 * Tells a sender what became of its bytes: `handled` when all of them are with the
 * system, `returned` when they did not fit, `discarded` when the client is gone,
 * or with the error that a file has met.
 */
export type Tell = (how: Settlement, error?: Error) => void;
