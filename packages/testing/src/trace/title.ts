/** `worker 0` for `shoal chat: worker 0`. */
export function shortTitle(title: string): string {
  return title.startsWith('shoal ') ? title.slice(title.indexOf(': ') + 2) : title;
}
