import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { Logger, type ConnectionStream } from '@shoal/core';
import { Tally } from '@shoal/demo/app';
import { launch, simulate, type TestClient, type TestServer } from '@shoal/testing';
import { expect } from 'chai';
import type { Inquiries } from '@shoal/demo/inquiries';
import { Page } from '@shoal/demo/page';
import { freshData, removeData } from './data.js';

/** Asks on a connection that stays, and gives status and body. */
async function get(client: TestClient, path: string, method = 'GET'): Promise<[number, string]> {
  client.send(`${method} ${path} HTTP/1.1\r\nhost: tally\r\n\r\n`);
  const head = (await client.receive(/^[^]*?\r\n\r\n/)).toString();
  const length = Number(/^content-length: (\d+)\r$/im.exec(head)?.[1] ?? 0);
  const body = method === 'HEAD' ? '' : (await client.receive(length)).toString();
  return [Number(/^HTTP\/1\.1 (\d+) /.exec(head)?.[1]), body];
}

async function count(server: TestServer, lines: string): Promise<void> {
  const client = await server.connect({ listener: 'ingest' });
  client.send(lines);
  client.end();
  await client.closed();
}

/** The next totals of a page that looks on. */
async function next(client: TestClient): Promise<{ counters: Record<string, number> }> {
  const [, json = ''] = /data: (.*)\n\n/.exec((await client.receive(/data: .*\n\n/)).toString()) ?? [];
  return JSON.parse(json) as { counters: Record<string, number> };
}

describe('The page of Tally', () => {
  beforeEach(freshData);
  after(removeData);

  it('shows itself, and the totals, over one connection', async () => {
    await using server = await simulate(Tally);
    await count(server, 'hits:2|c\nload:5|g\n');
    const client = await server.connect({ listener: 'page' });
    const [status, html] = await get(client, '/');
    expect(status).to.equal(200);
    expect(html)
      .to.match(/^<!doctype html>/)
      .and.include("new EventSource('/live')");
    const [, json] = await get(client, '/metrics.json?fresh');
    expect(JSON.parse(json)).to.have.nested.property('counters.hits', 2);
    expect(JSON.parse(json)).to.have.nested.property('gauges.load', 5);
  });

  it('changes nothing: other methods and paths are refused', async () => {
    await using server = await simulate(Tally);
    const client = await server.connect({ listener: 'page' });
    expect((await get(client, '/', 'DELETE'))[0]).to.equal(405);
    expect((await get(client, '/nothing'))[0]).to.equal(404);
    expect((await get(client, '/', 'HEAD'))[0]).to.equal(200);
  });

  it('forgets who has gone before the first totals came', async () => {
    const answers: ((json: string) => void)[] = [];
    const keeper = { ask: async () => new Promise<string>((resolve) => answers.push(resolve)) };
    const logger = new Logger({ write: () => {} }, { role: 'worker' });
    const page = new Page(keeper as unknown as Inquiries, logger);
    const browser = new Duplex({ read: () => {}, write: (_chunk, _encoding, taken) => taken() });
    page.serve(browser as ConnectionStream);
    browser.push('GET /live HTTP/1.1\r\nhost: tally\r\n\r\n');
    while (answers.length === 0) await new Promise(setImmediate);
    browser.destroy();
    await once(browser, 'close');
    for (const answer of answers.splice(0)) answer('{}');
    await new Promise(setImmediate);
    void page.second();
    expect(answers, 'what is asked for nobody').to.have.length(0);
  });

  it('tells the totals of every second for as long as somebody looks', async () => {
    await using server = await simulate(Tally);
    const client = await server.connect({ listener: 'page' });
    client.send('GET /live HTTP/1.1\r\nhost: tally\r\n\r\n');
    expect((await next(client)).counters).to.not.have.property('hits');
    await count(server, 'hits:1|c\n');
    await server.advance(1_000);
    await next(client);
    await server.advance(1_000);
    expect((await next(client)).counters).to.have.property('hits', 1);
  });

  it('closes what is bytes of anything', async () => {
    await using server = await simulate(Tally);
    const client = await server.connect({ listener: 'page' });
    client.send('\x16\x03\x01 this is no HTTP\r\n\r\n');
    await client.ended();
    expect(client.received.toString()).to.match(/^HTTP\/1\.1 400 /);
    const other = await server.connect({ listener: 'page' });
    expect((await get(other, '/'))[0]).to.equal(200);
  });

  it('lets a reload pass at once, and those who look come again', async () => {
    const server = await launch(Tally);
    try {
      const { port } = server.running.listeners.find(({ name }) => name === 'page')!;
      const looking = await fetch(`http://127.0.0.1:${port}/live`);
      const answer = looking.text();
      const { outcome } = await server.reload();
      expect(outcome).to.equal('done');
      expect(await answer).to.match(/^data: \{"counters":\{/);
      const page = await fetch(`http://127.0.0.1:${port}/metrics.json`);
      expect(await page.json()).to.have.property('counters');
    } finally {
      await server.stop();
    }
  }).timeout(30_000);
});
