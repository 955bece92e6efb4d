import { everythingIsPlayed } from './breadth.js';

/** Every how many days each of many has its turn. */
const TURNS = 16;

/** Those whose turn it is today, by their place in the list. */
export function turnOfTheDay<Item>(items: readonly Item[]): Item[] {
  return items.filter((_, place) => place % TURNS === seedOfTheDay() % TURNS);
}

/**
 * Of several ways in which real processes may show the same, such as modes, which
 * cost seconds each: another one every day, all where everything is played.
 */
export function wayOfTheDay<Way>(ways: readonly Way[]): readonly Way[] {
  return everythingIsPlayed ? ways : [ways[seedOfTheDay() % ways.length]!];
}

/** A seed that is another one every day, so that exploration goes on from day to day: 20261123. */
export function seedOfTheDay(): number {
  return Number(new Date().toISOString().slice(0, 10).replaceAll('-', ''));
}
