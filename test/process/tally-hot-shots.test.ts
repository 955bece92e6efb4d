import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { StatsD, type ClientOptions } from 'hot-shots';
import { Tally } from '@shoal/demo/app';
import { launch, type LaunchedServer } from '@shoal/testing';

describe('Tally with the StatsD client hot-shots', () => {
  let data: string;
  let server: LaunchedServer;

  before(async () => {
    process.env['TALLY_DATA'] = data = mkdtempSync(join(tmpdir(), 'tally-'));
    server = await launch(Tally);
  });

  after(async () => {
    await server.stop();
    delete process.env['TALLY_DATA'];
    rmSync(data, { recursive: true });
  });

  /** Plays a client and closes it; rejects when it reports an error. */
  async function withClient(options: ClientOptions, use: (client: StatsD) => void): Promise<void> {
    const { protocol = 'tcp' } = options;
    const listener = protocol === 'tcp' ? 'ingest' : 'datagrams';
    const { port } = server.running.listeners.find(({ name }) => name === listener)!;
    await new Promise<void>((resolve, reject) => {
      const client = new StatsD({ host: '127.0.0.1', port, protocol, ...options, errorHandler: reject });
      use(client);
      client.close((error) => (error ? reject(error) : resolve()));
    });
  }

  async function ask(command: string): Promise<string> {
    const client = await server.connect({ listener: 'admin' });
    client.send(`${command}\n`);
    client.end();
    await client.closed();
    return client.received.toString();
  }

  async function metricsIn(kind: string): Promise<Record<string, unknown>> {
    const [json = ''] = (await ask(kind)).split('\n');
    return JSON.parse(json) as Record<string, unknown>;
  }

  /** The client does not wait for the server, so that its lines are counted a little after its close. */
  async function linesCounted(lines: number): Promise<void> {
    const deadline = performance.now() + 10_000;
    for (;;) {
      const { 'statsd.metrics_received': received } = await metricsIn('counters');
      if (received === lines) return;
      if (performance.now() > deadline) throw new Error(`${String(received)} of ${lines} lines were counted`);
    }
  }

  it('counts every metric it sends over TCP, one by one and in buffers, with tags and without', async () => {
    await withClient({ prefix: 'one.' }, (client) => {
      client.increment('hits');
      client.increment('hits', 4);
      client.decrement('hits', 2);
      client.gauge('load', 5);
      client.gaugeDelta('load', -3);
      client.timing('answer', 320);
      client.histogram('answer', 12.5);
      client.set('users', 'anna');
      client.unique('users', 'ben');
    });
    await linesCounted(9);
    await withClient({ maxBufferSize: 1_000, globalTags: { env: 'test' } }, (client) => {
      for (let hit = 0; hit < 1_000; hit++) client.increment('two.hits', 1, ['path:/a', 'code:200']);
      client.set('two.users', 'anna', ['shop:berlin']);
    });
    await linesCounted(9 + 1_001);

    expect(await metricsIn('counters')).to.deep.equal({
      'statsd.metrics_received': 1_010,
      'statsd.metrics_dropped': 0,
      'statsd.bad_lines_seen': 0,
      'one.hits': 3,
      'two.hits': 1_000,
    });
    expect(await metricsIn('gauges')).to.deep.equal({ 'one.load': 2 });
    expect(await metricsIn('timers')).to.deep.equal({ 'one.answer': [320, 12.5] });
    expect(await metricsIn('sets')).to.deep.equal({ 'one.users': 2, 'two.users': 1 });
  });

  it('counts every metric it sends over UDP, one by one and several in a datagram', async () => {
    await withClient({ protocol: 'udp', prefix: 'three.' }, (client) => {
      client.increment('hits');
      client.gauge('load', 5);
      client.timing('answer', 320);
    });
    await linesCounted(1_010 + 3);
    await withClient({ protocol: 'udp', maxBufferSize: 500, globalTags: { env: 'test' } }, (client) => {
      for (let hit = 0; hit < 100; hit++) client.increment('four.hits', 1, ['path:/a', 'code:200']);
    });
    await linesCounted(1_010 + 103);
    const counters = await metricsIn('counters');
    expect([counters['three.hits'], counters['four.hits']]).to.deep.equal([1, 100]);
    expect(await metricsIn('gauges')).to.include({ 'three.load': 5 });
    expect(await metricsIn('timers')).to.deep.include({ 'three.answer': [320] });
  });
});
