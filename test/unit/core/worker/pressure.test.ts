import { expect } from 'chai';
import type { BoundHandler } from '@shoal/core/internal/events/bound-handler';
import { Pressure } from '@shoal/core/internal/worker/pressure';

/** Marks of 100 and 10 bytes, whose handlers pend until the test lets them settle. */
class Marked {
  silent = false;
  pends = false;
  readonly told: string[] = [];
  readonly pressure = new Pressure(100, 10, this);
  #due = 0;

  bindMark(event: 'bufferFull' | 'bufferEmpty'): BoundHandler {
    return { event, label: event, run: () => {}, parameters: 1 };
  }

  callMark({ label }: BoundHandler): boolean {
    this.told.push(label);
    return !this.pends;
  }

  tellLater(): void {
    this.#due++;
  }

  turn(): void {
    for (; this.#due > 0; this.#due--) this.pressure.tell();
  }
}

function opened(): Marked {
  const marked = new Marked();
  marked.pressure.open();
  return marked;
}

describe('Pressure', () => {
  it('is full from exactly the high mark on, and until exactly the low one', () => {
    const { pressure } = opened();
    pressure.rise(99);
    expect(pressure.full).to.equal(false);
    pressure.rise(100);
    expect(pressure.full).to.equal(true);
    pressure.fall(11);
    expect(pressure.full).to.equal(true);
    pressure.fall(10);
    expect(pressure.full).to.equal(false);
  });

  it('stays full as long as it is on either side, and that is one crossing', () => {
    const marked = opened();
    marked.pressure.rise(200);
    marked.pressure.set(true);
    marked.pressure.fall(0);
    expect(marked.pressure.full).to.equal(true);
    marked.turn();
    marked.pressure.set(false);
    marked.turn();
    expect(marked.told).to.deep.equal(['bufferFull', 'bufferEmpty']);
  });

  it('tells of both crossings of one turn: whoever was told to stop hears that he may go on', () => {
    const marked = opened();
    marked.pressure.rise(200);
    marked.pressure.fall(0);
    expect(marked.told).to.deep.equal([]);
    marked.turn();
    expect(marked.told).to.deep.equal(['bufferFull', 'bufferEmpty']);
  });

  it('tells one after the other, and of those that wait for a handler two at most', () => {
    const marked = opened();
    marked.pends = true;
    marked.pressure.rise(200);
    marked.turn();
    for (let times = 0; times < 5; times++) {
      marked.pressure.fall(0);
      marked.pressure.rise(200);
    }
    marked.pressure.fall(0);
    marked.turn();
    expect(marked.told).to.deep.equal(['bufferFull']);
    marked.pressure.told();
    marked.turn();
    expect(marked.told).to.deep.equal(['bufferFull', 'bufferEmpty']);
    marked.pressure.told();
    marked.turn();
    expect(marked.told).to.have.length(2);
  });

  it('waits until the objects of the connection are there, and tells nothing once nobody is to be told', () => {
    const marked = new Marked();
    marked.pressure.rise(200);
    marked.turn();
    expect(marked.told).to.deep.equal([]);
    marked.pressure.open();
    marked.turn();
    expect(marked.told).to.deep.equal(['bufferFull']);
    marked.pressure.fall(0);
    marked.silent = true;
    marked.turn();
    expect(marked.told).to.deep.equal(['bufferFull']);
  });
});
