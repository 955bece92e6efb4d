/** What clients send on the port of the metrics. They get no answer, as with the StatsD daemon. */
import type { Connection } from '@shoal/core';
import { Handler, OnReceive } from '@shoal/decorators';
import { Metrics } from './metrics.js';
import { parseLine } from './statsd-line.js';

@Handler()
export class Ingest {
  constructor(private readonly metrics: Metrics) {}

  @OnReceive({ listener: 'ingest' })
  line(_connection: Connection, line: Buffer): void {
    this.metrics.record(parseLine(line.toString()));
  }
}
