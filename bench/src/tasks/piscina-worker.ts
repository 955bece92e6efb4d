/** Gives back what it gets. */
export default function echo(data: unknown): unknown {
  return data;
}
