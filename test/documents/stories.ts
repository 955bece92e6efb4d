/**
 * The stories that docs/lifecycle.md tells: which hook runs in which process, in
 * which order. A story is a numbered list below a heading of its own. An item
 * names what runs and where, as "`@OnWorkerStop` in worker 0 and worker 1".
 */

/** One hook that ran, and where: `worker 0`, `new worker 0`, `task worker 2`, `manager`. */
export interface Entry {
  readonly hook: string;
  readonly place: string;
}

/** What happens before the next number does. In one process it happens as it stands there, in several beside each other. */
export type Step = readonly Entry[];

export type Mode = 'process' | 'base' | 'single';

const BASE = /^In base mode[^\n]*:$/m;
const PLACE = '(?:the )?(?:new )?(?:master|manager|(?:task )?worker \\d)';
const ENTRY = new RegExp(`\`(@\\w+|dispose\\(\\))\` in (${PLACE}(?:(?:, | and )${PLACE})*)`, 'g');

/** The text below a heading, up to the next one. Throws when there is none. */
export function section(page: string, heading: string): string {
  const [, ...parts] = page.split(/^#{2,4} /m);
  const found = parts.find((part) => part.startsWith(`${heading}\n`));
  if (found === undefined) throw new Error(`docs/lifecycle.md has no heading '${heading}'`);
  return found.slice(heading.length);
}

/** The story below a heading, as it goes in that mode. */
export function storyOf(page: string, heading: string, mode: Mode): readonly Step[] {
  const [common = '', base] = section(page, heading).split(BASE);
  const steps = stepsOf(mode === 'process' ? common : (base ?? common));
  return steps.map((step) => inMode(step, mode)).filter((step) => step.length > 0);
}

function stepsOf(text: string): Step[] {
  const [, ...items] = text.split(/^\d+\. /m);
  return items.map((item) => entriesOf(item.split(/\n\n/)[0]!.replaceAll(/\s+/g, ' ')));
}

function entriesOf(item: string): Entry[] {
  return [...item.matchAll(ENTRY)].flatMap(([, hook = '', places = '']) =>
    places.split(/, | and /).map((place) => ({ hook, place: place.replace(/^the /, '') })),
  );
}

/** In base mode the first process is the manager; in a server of one process it is everything. */
function inMode(step: Step, mode: Mode): Step {
  if (mode === 'process') return step;
  if (mode === 'base')
    return step.map(({ hook, place }) => ({ hook, place: place === 'manager' ? 'master' : place }));
  return step
    .filter(({ place }) => !/worker [12]$/.test(place))
    .map(({ hook }) => ({ hook, place: 'worker 0' }));
}

/** Where a record goes another way than the story; undefined where it does not. */
export function difference(story: readonly Step[], record: readonly Entry[]): string | undefined {
  let at = 0;
  for (const [index, step] of story.entries()) {
    const part = record.slice(at, at + step.length);
    at += step.length;
    if (inOrderOfPlaces(step) === inOrderOfPlaces(part)) continue;
    return `number ${index + 1} is ${shown(step)}, and what happened is ${shown(part)}; everything:\n${shown(record)}`;
  }
  if (at === record.length) return undefined;
  return `behind the last number there happened ${shown(record.slice(at))}`;
}

function inOrderOfPlaces(entries: readonly Entry[]): string {
  return shown(entries.toSorted((a, b) => a.place.localeCompare(b.place)));
}

function shown(entries: readonly Entry[]): string {
  return entries.length === 0
    ? 'nothing'
    : entries.map(({ hook, place }) => `${hook} in ${place}`).join('\n');
}

/** The rows of the table that begins with these titles. */
export function tableOf(page: string, titles: readonly string[]): readonly (readonly string[])[] {
  const cells = (line: string): string[] =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim());
  const lines = page.split('\n');
  const head = lines.findIndex((line) => line.startsWith('|') && String(cells(line)) === String(titles));
  if (head === -1) throw new Error(`the page has no table of ${titles.join(', ')}`);
  const length = lines.slice(head).findIndex((line) => !line.startsWith('|'));
  return lines.slice(head + 2, head + length).map(cells);
}
