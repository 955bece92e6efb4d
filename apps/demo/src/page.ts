/**
 * The page for browsers: Node's own HTTP server on the connections of a listener.
 * `/` is the page, `/live` tells the totals of every second for as long as
 * somebody looks, `/metrics.json` tells them once.
 *
 * Nobody logs in here either: it listens on this machine alone, unless the
 * environment says otherwise, and changes nothing.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Logger, raw, tcp, type ConnectionStream } from '@shoal/core';
import { Handler, OnConnection, OnDrain, Tick } from '@shoal/decorators';
import type { Command } from './console.js';
import { Inquiries } from './inquiries.js';
import { pageHtml } from './page-html.js';

export function pageListener(): ReturnType<typeof tcp> {
  return tcp({
    name: 'page',
    host: process.env.TALLY_PAGE_HOST || '127.0.0.1',
    port: Number(process.env.TALLY_PAGE_PORT || 8127),
    framing: raw(),
    maxIdleTime: '60s',
  });
}

@Handler()
export class Page {
  readonly #http = createServer((request, response) => {
    this.#answer(request, response).catch((error: unknown) => {
      this.logger.error(`the page has not answered ${request.method} ${request.url}`, { error });
      response.destroy();
    });
  });
  /** Those who look on. */
  readonly #live = new Set<ServerResponse>();
  #leaving = false;

  constructor(
    private readonly inquiries: Inquiries,
    private readonly logger: Logger,
  ) {
    // It listens nowhere, and has to believe that it does: only then it knows its idle connections.
    this.#http.emit('listening');
  }

  @OnConnection({ listener: 'page' })
  serve(stream: ConnectionStream): void {
    this.#http.emit('connection', stream);
  }

  @Tick('1s')
  async second(): Promise<void> {
    if (this.#live.size === 0) return;
    const event = `data: ${await this.#totals()}\n\n`;
    // Whoever has not taken the last one gets the next.
    for (const response of this.#live) if (!response.writableNeedDrain) response.write(event);
  }

  /** Browsers come again by themselves, to the worker after this one. */
  @OnDrain({ listener: 'page' })
  leave(): void {
    this.#leaving = true;
    for (const response of this.#live) response.end();
    this.#http.closeIdleConnections();
  }

  async #answer({ method, url = '/' }: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#leaving) response.setHeader('connection', 'close');
    if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      reply(response, 405, 'text/plain', 'this page changes nothing\n');
      return;
    }
    switch (url.split('?', 1)[0]) {
      case '/':
        reply(response, 200, 'text/html; charset=utf-8', pageHtml);
        return;
      case '/metrics.json':
        reply(response, 200, 'application/json', `${await this.#totals()}\n`);
        return;
      case '/live':
        await this.#look(response);
        return;
      default:
        reply(response, 404, 'text/plain', 'not found\n');
    }
  }

  async #look(response: ServerResponse): Promise<void> {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write(`data: ${await this.#totals()}\n\n`);
    // Who is gone by now has no end left to tell.
    if (response.destroyed) return;
    if (this.#leaving) {
      response.end();
      return;
    }
    this.#live.add(response);
    response.once('close', () => this.#live.delete(response));
  }

  /** On one line, as JSON. */
  async #totals(): Promise<string> {
    const kinds = ['counters', 'gauges', 'timers', 'sets'];
    const parts = await Promise.all(
      kinds.map(async (command) => {
        const question: Command = { kind: 'command', command, words: [] };
        const [json = '{}'] = (await this.inquiries.ask<string>('keeper', question)).split('\n', 1);
        return `"${command}":${json}`;
      }),
    );
    return `{${parts.join(',')}}`;
  }
}

function reply(response: ServerResponse, status: number, type: string, body: string): void {
  const headers = { 'content-type': type, 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, headers).end(body);
}
