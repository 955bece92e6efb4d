/**
 * Tally: a metrics service that StatsD clients can talk to.
 *
 *     metrics ──▶ ingest :8125 ─┐            ┌─▶ worker 0 ─┐ shares
 *                               ├─▶ reactor ─┤             ├──────▶ keeper ──▶ queue ──▶ task worker ──▶ file
 *     you ─────▶ admin  :8126 ──┤            └─▶ worker 1 ─┘        totals    rollups
 *     browser ─▶ page   :8127 ──┘
 *
 * Whichever of these processes is killed, no total is lost: a line is settled
 * when the share that it is in is in a rollup that the queue has accepted.
 *
 * - The keeper dies: the worker sends its share again, and the next keeper knows it if it is in.
 * - The task worker or the queue dies: rollups are on disk, and one that comes twice is written once.
 * - A worker dies: its lines go to another one. Those of the share that it had sent may count twice.
 */
import { join } from 'node:path';
import { delimiter, tcp, udp } from '@shoal/core';
import { ServerConfig } from '@shoal/decorators';
import { Admin, adminListener } from './admin.js';
import { Archive } from './archive.js';
import { dataDirectory } from './data-directory.js';
import { Ingest } from './ingest.js';
import { Keeper } from './keeper.js';
import { Page, pageListener } from './page.js';

const lines = delimiter('\n', { strip: true });
const ingestPort = (): number => Number(process.env.TALLY_INGEST_PORT || 8125);

@ServerConfig(() => ({
  listeners: [
    tcp({
      name: 'ingest',
      port: ingestPort(),
      framing: lines,
      // Lines of one client that may wait in a share.
      concurrency: 1_024,
    }),
    adminListener(lines),
    // The protocol's own way: several lines in one datagram, and nobody is told of one that is dropped.
    udp({ name: 'datagrams', port: ingestPort(), maxQueuedBytes: '4MiB' }),
    pageListener(),
  ],
  mode: 'process',
  reactorNum: 1,
  workerNum: 2,
  packageMaxLength: '8KiB',
  // One task worker keeps the rollups in order.
  taskWorkerNum: 1,
  taskIpcMode: 'queue',
  queueDirectory: join(dataDirectory(), 'queue'),
  // When the disk is too slow, clients wait.
  taskQueueLimit: 100,
  // A rollup is never the reason for which its task worker dies.
  taskRetries: 1_000,
  handlers: [Ingest, Admin, Page, Keeper, Archive],
}))
export class Tally {}
