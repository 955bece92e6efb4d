/**
 * What clients send on the port of the metrics, over TCP and over UDP. They get no answer, as with the
 * StatsD daemon.
 *
 * A line is settled when its share is counted for good, not before: until then
 * the reactor keeps it, and gives it to another worker if this one dies.
 */
import type { Connection, Delivery, Packet } from '@shoal/core';
import { Handler, OnPacket, OnPipeMessage, OnReceive, OnWorkerExit, Tick } from '@shoal/decorators';
import { Shares } from './shares.js';
import { parseLine } from './statsd-line.js';

@Handler()
export class Ingest {
  #leaving = false;

  constructor(private readonly shares: Shares) {}

  @OnReceive({ listener: 'ingest' })
  line(_connection: Connection, line: Buffer, delivery: Delivery): Promise<void> | undefined {
    return this.#count(line.toString(), delivery);
  }

  /** A last line need not be ended here: half a line would be half a datagram, and there is no such thing. */
  @OnPacket
  async packet(packet: Packet, delivery: Delivery): Promise<void> {
    const lines = packet.data.toString().split('\n');
    await Promise.all(lines.map(async (line) => this.#count(line, delivery)));
  }

  #count(line: string, delivery: Delivery): Promise<void> | undefined {
    const samples = parseLine(line);
    if (samples.length === 0) return undefined;
    const counted = this.shares.add(samples, line.length);
    // One that a worker has died with may be alone here, and keep all others waiting.
    if (this.#leaving || delivery.attempt > 1) void this.shares.flush();
    return counted;
  }

  @Tick('1s')
  async flush(): Promise<void> {
    await this.shares.flush();
  }

  /** Another worker, whose console wants to know. */
  @OnPipeMessage
  async flushNow(): Promise<void> {
    await this.shares.flush();
  }

  /** There are no more ticks from here. */
  @OnWorkerExit
  leave(): void {
    this.#leaving = true;
    void this.shares.flush();
  }
}
