import { factText } from '@shoal/core/internal/events/facts';

interface Piece {
  readonly bytes: number;
  readonly data: string;
  /** Its place among all that its process has sent. */
  readonly place?: number;
}

/** What was written at one place: one send, or a file by and by. */
type Written = readonly Piece[];

/** Texts of facts show bytes whole up to this many. */
const SHOWN_BYTES = 256;

/**
 * The way of bytes from handlers to one client: what processes sent, be they
 * workers or others, what the owner of the socket wrote, what the client got.
 * What it wrote has to be whole sends, in the order of each process, and what
 * came has to be what was written.
 */
export class Output {
  /** By pid: what a process has sent and the owner of the socket has not written. */
  readonly #sent = new Map<number, Piece[]>();
  /** By pid: bytes that were written before the fact of their send came. */
  readonly #ahead = new Map<number, number>();
  /** By pid: all bytes so far, sent and written. */
  readonly #totals = new Map<number, { sent: number; written: number }>();
  readonly #written: Written[] = [];
  /** Files by their number: what was written of them stands where they were asked for. */
  readonly #files = new Map<number, Piece[]>();
  #bytesWritten = 0;
  #cut = false;

  constructor(
    private readonly report: (message: string) => void,
    /** Something of that place among all that the process has sent was written. */
    private readonly onWritten: (pid: number, place: number) => void = () => {},
  ) {}

  /** Bytes that were written for the client so far. */
  get bytes(): number {
    return this.#bytesWritten;
  }

  /** Bytes that a process has sent so far. */
  sentBy(pid: number): number {
    return this.#totals.get(pid)?.sent ?? 0;
  }

  /** Whether parts of files are among them. */
  get hasFiles(): boolean {
    return this.#files.size > 0;
  }

  /** Whether nobody but that process has sent anything. */
  isOnlyOf(pid: number): boolean {
    for (const sender of this.#totals.keys()) if (sender !== pid) return false;
    return true;
  }

  /** Bytes of a process that were written so far. */
  writtenOf(pid: number): number {
    return this.#totals.get(pid)?.written ?? 0;
  }

  /** What processes that live have sent has to be written by now. */
  atRest(lives: (pid: number) => boolean): void {
    for (const [pid, pieces] of this.#sent) {
      const bytes = pieces.reduce((sum, piece) => sum + piece.bytes, 0);
      if (bytes > 0 && lives(pid)) this.report(`${bytes} bytes that pid ${pid} sent were never written`);
    }
  }

  sent(pid: number, piece: Piece): void {
    this.#total(pid).sent += piece.bytes;
    const ahead = this.#ahead.get(pid) ?? 0;
    if (ahead >= piece.bytes) {
      this.#ahead.set(pid, ahead - piece.bytes);
      return;
    }
    const pieces = this.#sent.get(pid);
    if (pieces === undefined) this.#sent.set(pid, [piece]);
    else pieces.push(piece);
  }

  written(pid: number, piece: Piece): void {
    this.#written.push([{ bytes: piece.bytes, data: piece.data }]);
    this.#bytesWritten += piece.bytes;
    this.#take(pid, piece);
  }

  /** What did not fit, whole: it was dealt with, and the client gets nothing of it. */
  refused(pid: number, piece: Piece): void {
    this.#take(pid, piece);
  }

  file(number: number): void {
    const pieces: Piece[] = [];
    this.#files.set(number, pieces);
    this.#written.push(pieces);
  }

  fileOutput(number: number, { bytes, data }: Piece): void {
    const pieces = this.#files.get(number);
    if (pieces === undefined) this.report(`file ${number} is written and was not announced`);
    pieces?.push({ bytes, data });
    this.#bytesWritten += bytes;
  }

  #take(pid: number, piece: Piece): void {
    this.#total(pid).written += piece.bytes;
    const pieces = this.#sent.get(pid) ?? [];
    let taken = 0;
    let text = '';
    while (taken < piece.bytes) {
      const next = pieces.shift();
      if (next === undefined) {
        this.#ahead.set(pid, (this.#ahead.get(pid) ?? 0) + piece.bytes - taken);
        return;
      }
      taken += next.bytes;
      if (next.place !== undefined) this.onWritten(pid, next.place);
      text += next.data;
    }
    if (taken > piece.bytes) {
      this.report(`${piece.bytes} bytes were written that end inside a send of pid ${pid}`);
    } else if (piece.bytes <= SHOWN_BYTES && text !== piece.data) {
      this.report(`was written ${JSON.stringify(piece.data)} where pid ${pid} sent ${JSON.stringify(text)}`);
    }
  }

  /** What was sent to many was written, whole. */
  writtenToMany({ bytes, data }: Piece): void {
    this.#written.push([{ bytes, data }]);
    this.#bytesWritten += bytes;
  }

  /** The owner of the socket has died: of what it was writing, any part may have got through. */
  cut(): void {
    this.#cut = true;
  }

  /** Compares what the client has with what was written; `whole` when nothing may be missing. */
  compare(client: number, received: Buffer, whole: boolean): void {
    for (const pid of this.#ahead.keys())
      if (this.#ahead.get(pid)! > 0)
        this.report(`${this.#ahead.get(pid)} bytes were written that nobody sent`);
    let at = 0;
    for (const { bytes, data } of this.#written.flat()) {
      const end = at + bytes;
      if (end > received.length) break;
      if (factText(received, at, end) !== data) {
        const came = JSON.stringify(factText(received, at, end));
        this.report(`client ${client} got ${came} at byte ${at}, where ${JSON.stringify(data)} was written`);
        return;
      }
      at = end;
    }
    if (this.#cut) return;
    if (received.length > this.#bytesWritten) {
      this.report(`client ${client} got ${received.length} bytes of ${this.#bytesWritten} that were written`);
    } else if (whole && received.length < this.#bytesWritten) {
      this.report(`client ${client} got only ${received.length} of ${this.#bytesWritten} bytes`);
    }
  }

  #total(pid: number): { sent: number; written: number } {
    let total = this.#totals.get(pid);
    if (total === undefined) this.#totals.set(pid, (total = { sent: 0, written: 0 }));
    return total;
  }
}
