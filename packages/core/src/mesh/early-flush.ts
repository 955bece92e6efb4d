/**
 * So much gathers in a turn before it is written, in bytes.
 *
 * Two processes that wait for each other's turn take turns on one processor. With
 * 64 tasks of 100 B on their way, half of them in one write, each side works while
 * the other does: twice the rate of one write a turn, and of writes half as large.
 */
export const EARLY_FLUSH_BYTES = 4 * 1024;
