/**
 * Tally: a metrics service that StatsD clients can talk to.
 *
 *     metrics ──▶ ingest :8125 ─┐
 *                               ├─▶ reactor ──▶ one worker, which has the numbers
 *     you ─────▶ admin  :8126 ──┘
 */
import { delimiter, tcp } from '@shoal/core';
import { ServerConfig } from '@shoal/decorators';
import { Admin } from './admin.js';
import { Ingest } from './ingest.js';

const lines = delimiter('\n', { strip: true });

@ServerConfig(() => ({
  listeners: [
    tcp({ name: 'ingest', port: Number(process.env.TALLY_INGEST_PORT || 8125), framing: lines }),
    // Its commands change things: this machine alone may give them.
    tcp({
      name: 'admin',
      host: '127.0.0.1',
      port: Number(process.env.TALLY_ADMIN_PORT || 8126),
      framing: lines,
    }),
  ],
  mode: 'process',
  reactorNum: 1,
  // Two workers would each have half of the numbers.
  workerNum: 1,
  packageMaxLength: '8KiB',
  handlers: [Ingest, Admin],
}))
export class Tally {}
