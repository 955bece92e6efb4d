/** A seed that is another one every day, so that exploration goes on from day to day: 20261123. */
export function seedOfTheDay(): number {
  return Number(new Date().toISOString().slice(0, 10).replaceAll('-', ''));
}
