/**
 * What has become of each message from one process to another, and the rules
 * that hold for it: what a sender tells is compared with what receivers did.
 */
import type { ReceiverFact, SenderFact } from '@shoal/core/internal/events/exchange-facts';
import type { ExchangeHost } from './task-story.js';

/** What a message costs in the window beside its bytes. */
const OVERHEAD_BYTES = 64;
/** A message is given up at the second death of a process that has it. */
const POISON_DEATHS = 2;

interface Message {
  readonly id: number;
  readonly place: number;
  readonly cost: number;
  readonly postedAt: number;
  startedBy: number | undefined;
  state: 'posted' | 'taken' | 'givenUp';
}

/** All messages of one process to one worker id. */
interface Line {
  readonly sender: number;
  readonly to: number;
  readonly messages: Message[];
  /** No message before this place waits for its start. */
  cursor: number;
  /** Bytes of messages that the sender does not know to be started. */
  bytes: number;
  /** By pid: the place of the message that was started last. */
  readonly last: Map<number, number>;
}

export class MessageStories {
  givenUp = 0;
  readonly #lines = new Map<string, Line>();

  constructor(private readonly host: ExchangeHost) {}

  told(sender: number, fact: SenderFact, time: number): void {
    const line = this.#line(sender, fact.to);
    if (fact.kind === 'messagePosted') {
      this.#posted(line, fact.message, fact.bytes, time);
      return;
    }
    const message = line.messages.find(({ id }) => id === fact.message);
    if (message?.state !== 'posted') {
      this.#report(line, fact.message, `${fact.kind}, and it does not wait for that`);
      return;
    }
    line.bytes -= message.cost;
    if (fact.kind === 'messageTaken') {
      message.state = 'taken';
      if (message.startedBy === undefined) this.#report(line, message.id, 'is settled before it was started');
      return;
    }
    this.givenUp++;
    message.state = 'givenUp';
    const deaths = this.host.deaths.violentSince(line.to, message.postedAt);
    if (this.#isWorker(line.to) && deaths < POISON_DEATHS)
      this.#report(line, message.id, `is given up after ${deaths} deaths`);
  }

  started(pid: number, { message: id, from, to }: ReceiverFact): void {
    const line = this.#line(from, to);
    const message = line.messages.find((each) => each.id === id);
    if (message === undefined) {
      this.#report(line, id, 'starts, and nobody sent it');
      return;
    }
    this.#checkRepeat(line, message);
    const last = line.last.get(pid) ?? -1;
    if (message.place <= last)
      this.#report(line, id, `starts after message ${line.messages[last]!.id} in the same process`);
    line.last.set(pid, message.place);
    message.startedBy = pid;
    const missing = this.#firstWaiting(line);
    if (missing !== undefined && missing.place < message.place)
      this.#report(line, id, `starts before message ${missing.id}`);
  }

  /** Nothing is on its way: what a process has sent that lives is started, or given up. */
  atRest(): void {
    for (const line of this.#lines.values()) {
      if (!this.host.deaths.lives(line.sender)) continue;
      const stuck = line.messages.find(({ state }) => state === 'posted');
      if (stuck === undefined) continue;
      const how =
        stuck.startedBy === undefined ? 'is never started' : 'is started, and its sender never hears';
      this.#report(line, stuck.id, how);
    }
  }

  #posted(line: Line, id: number, bytes: number, time: number): void {
    const cost = bytes + OVERHEAD_BYTES;
    const { pipeWindow } = this.host.settings;
    if (line.bytes > 0 && line.bytes + cost > pipeWindow)
      this.#report(line, id, `is sent beside ${line.bytes} bytes; pipeWindow is ${pipeWindow}`);
    line.bytes += cost;
    line.messages.push({
      id,
      place: line.messages.length,
      cost,
      postedAt: time,
      startedBy: undefined,
      state: 'posted',
    });
  }

  /** A message is started again only where its receiver was killed before the sender heard of the start. */
  #checkRepeat(line: Line, { id, startedBy, state }: Message): void {
    if (state === 'givenUp') this.#report(line, id, 'starts after it was given up');
    if (startedBy === undefined) return;
    if (state === 'taken') this.#report(line, id, 'starts again though its sender knows that it was started');
    else if (this.host.deaths.lives(startedBy))
      this.#report(line, id, `starts again though pid ${startedBy} has it`);
  }

  #firstWaiting(line: Line): Message | undefined {
    const { messages } = line;
    for (; line.cursor < messages.length; line.cursor++) {
      const { startedBy, state } = messages[line.cursor]!;
      if (startedBy === undefined && state !== 'givenUp') break;
    }
    return messages[line.cursor];
  }

  #isWorker(workerId: number): boolean {
    const { workerNum, taskWorkerNum } = this.host.settings;
    return workerId < workerNum + taskWorkerNum;
  }

  #line(sender: number, to: number): Line {
    const key = `${sender}/${to}`;
    let line = this.#lines.get(key);
    if (line === undefined) {
      line = { sender, to, messages: [], cursor: 0, bytes: 0, last: new Map() };
      this.#lines.set(key, line);
    }
    return line;
  }

  #report({ sender, to }: Line, id: number, message: string): void {
    this.host.report('message', `message ${id} of pid ${sender} to worker ${to}: ${message}`, 0);
  }
}
