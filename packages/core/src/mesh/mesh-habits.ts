import type { PipeHabits } from '../pipe/pipe.js';

/**
 * Two processes that wait for each other's turn take turns on one processor. With
 * 64 tasks of 100 B on their way, half of them in one write, each side works while
 * the other does: twice the rate of one write a turn, and of writes half as large.
 *
 * That a result has come says nothing of the next task, and that a message has
 * been started nothing of the next result.
 */
export const meshHabits: PipeHabits = { earlyFlush: 4 * 1024, gathersSettlements: true };
