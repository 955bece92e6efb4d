import type { ConfiguredListener } from '@shoal/core/internal/events/facts';
import { isConnectionEvent } from './connection-event.js';
import type { TraceEvent } from './trace-event.js';

/** What one client has lived through: the events that handlers of its connection settled, and its bytes. */
export interface ClientAccount {
  /** `connect`, `receive "hi\n"`, `closed: client`, with `(failed)` for a handler that threw. */
  readonly events: readonly string[];
  readonly received: Buffer;
}

interface SettledEvent {
  readonly text: string;
  /** 0 for other events. */
  readonly packet: number;
}

interface Story {
  readonly listener: ConfiguredListener | undefined;
  readonly events: SettledEvent[];
  /** Bytes of each packet. */
  readonly sizes: Map<number, number>;
  /** Packets and introductions that have settled; a second time is a repetition after a loss. */
  readonly settled: Set<string>;
  /** By `pid/number`: what a number given to a worker stands for. */
  readonly given: Map<string, { readonly event: string; readonly packet: number; data: string }>;
  reason: string;
}

/** Accounts of the clients, in the order in which they connected. A packet that was handled again after a loss counts once. */
export function accountsOf(
  trace: readonly TraceEvent[],
  clients: readonly { readonly received: Buffer }[],
): readonly ClientAccount[] {
  const stories = storiesOf(trace);
  return clients.map(({ received }, id) => ({ events: eventsOf(stories.get(id)), received }));
}

function storiesOf(trace: readonly TraceEvent[]): Map<number, Story> {
  // The two facts of one connection come in any order.
  // Clients on unix sockets share the address that they do not have: the first of them is the first that was accepted.
  const knocking = new Queues<number>();
  const waiting = new Queues<Story>();
  const byClient = new Map<number, Story>();
  const byConnection = new Map<number, Story>();
  let listeners: readonly ConfiguredListener[] = [];
  for (const event of trace) {
    if (event.kind === 'configured') listeners = event.listeners;
    else if (event.kind === 'connects') {
      const place = `${event.address}:${event.port}`;
      const story = waiting.take(place);
      if (story === undefined) knocking.add(place, event.client);
      else byClient.set(event.client, story);
    } else if (event.kind === 'accepted') {
      const listener = listeners.find(({ name }) => name === event.listener);
      const story = newStory(listener);
      byConnection.set(event.connection, story);
      const place = `${event.address}:${event.port}`;
      const client = knocking.take(place);
      if (client === undefined) waiting.add(place, story);
      else byClient.set(client, story);
    } else add(event, byConnection);
  }
  return byClient;
}

/** First in, first out, by name. */
class Queues<T> {
  readonly #queues = new Map<string, T[]>();

  add(name: string, item: T): void {
    const queue = this.#queues.get(name);
    if (queue === undefined) this.#queues.set(name, [item]);
    else queue.push(item);
  }

  take(name: string): T | undefined {
    return this.#queues.get(name)?.shift();
  }
}

function newStory(listener: ConfiguredListener | undefined): Story {
  return { listener, events: [], sizes: new Map(), settled: new Set(), given: new Map(), reason: '' };
}

function add(event: TraceEvent, stories: ReadonlyMap<number, Story>): void {
  if ('connection' in event) {
    const story = stories.get(event.connection);
    if (story === undefined) return;
    if (event.kind === 'closed') story.reason = event.reason;
    if (event.kind === 'packet') story.sizes.set(event.packet, event.bytes);
    if (event.kind !== 'delivered') return;
    const { worker, seq, packet } = event;
    story.given.set(`${worker}/${seq}`, { event: event.event, packet, data: '' });
    return;
  }
  if (!('subject' in event) || !isConnectionEvent(event.event)) return;
  const story = stories.get(event.subject);
  const given = story?.given.get(`${event.pid}/${event.seq}`);
  if (story === undefined || given === undefined) return;
  if (event.kind === 'started') {
    given.data = event.data ?? '';
    return;
  }
  const key = given.event === 'adopt' ? `adopt ${event.pid}` : `${given.event} ${given.packet}`;
  if (story.settled.has(key)) return;
  story.settled.add(key);
  const data = given.event === 'receive' ? ` ${JSON.stringify(given.data)}` : '';
  const failed = event.kind === 'failed' ? ' (failed)' : '';
  story.events.push({ text: `${given.event}${data}${failed}`, packet: given.packet });
}

function eventsOf(story: Story | undefined): string[] {
  if (story === undefined) return [];
  const { listener, events, sizes, reason } = story;
  // Packets that overlap, or that go to several workers, settle in any order.
  const ordered = [...events].sort((a, b) => (a.packet > 0 && b.packet > 0 ? a.packet - b.packet : 0));
  const texts = listener?.framing === 'raw' ? joinReceives(ordered, sizes) : ordered.map(({ text }) => text);
  return reason === '' ? texts : [...texts, `closed: ${reason}`];
}

/** Where the network cuts is nobody's promise: packets in a row become one line with the number of their bytes. */
function joinReceives(events: readonly SettledEvent[], sizes: ReadonlyMap<number, number>): string[] {
  const texts: string[] = [];
  let bytes = 0;
  for (const { text, packet } of events) {
    if (packet > 0 && !text.endsWith('(failed)')) {
      if (bytes > 0) texts.pop();
      bytes += sizes.get(packet) ?? 0;
      texts.push(`receive ${bytes} bytes`);
    } else {
      bytes = 0;
      texts.push(text);
    }
  }
  return texts;
}
