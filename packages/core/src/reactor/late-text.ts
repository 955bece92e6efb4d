/** What is logged of pinned connections that had to be ended. */
export function lateText({ length }: readonly unknown[], patience: number): string {
  const what = length === 1 ? 'a pinned connection' : `${length} pinned connections`;
  const left = `had not ended ${Math.round(patience)} ms after the server or its worker had to go`;
  return `ended ${what} that ${left}: end them in @OnDrain, or raise maxWaitTime`;
}
