import { once } from 'node:events';
import http, { Agent, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { expect } from 'chai';
import { connectAsync } from 'mqtt';
import { WebSocket } from 'ws';
import { launch, type TestServer } from '@shoal/testing';
import { certificate } from '../fixtures/apps/certificate.js';
import { WebApp } from '../fixtures/apps/web.js';
import { logged } from '../scenarios/facts.js';

const FIVE_MIB = 5 * 1024 * 1024;
const ca = certificate.cert;

describe('A server of another protocol, on streams of real processes', function () {
  this.timeout(30_000);
  let server: TestServer;
  let ports: Record<string, number>;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });

  before(async () => {
    server = await launch(WebApp);
    ports = await portsOf(server);
  });
  after(async () => {
    agent.destroy();
    await server.stop();
  });

  it('is node:http: one connection serves many requests, and knows its client', async () => {
    const first = await get('/one');
    expect(first).to.match(/^GET \/one of 127\.0\.0\.1:\d+ pid \d+$/);
    expect(await get('/two')).to.equal(first.replace('/one', '/two'));
  });

  it('is node:http: pipelined requests are answered in order', async () => {
    const socket = await open('http');
    socket.write('GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const answers = await text(socket);
    expect(answers.match(/^GET \/\w/gm)).to.deep.equal(['GET /a', 'GET /b']);
  });

  it('is node:http: a client that speaks nonsense is told so and closed', async () => {
    const socket = await open('http');
    socket.write('nonsense\r\n\r\n');
    expect(await text(socket)).to.match(/^HTTP\/1.1 400 Bad Request/);
  });

  it('is node:http: 5 MiB go up', async () => {
    const request = http.request({ port: ports['http'], path: '/count', method: 'POST', agent });
    request.end(Buffer.alloc(FIVE_MIB));
    expect(await text(await response(request))).to.equal(String(FIVE_MIB));
  });

  it('is node:http: 5 MiB come down to a slow reader', async () => {
    const request = http.request({ port: ports['http'], path: `/bytes?n=${FIVE_MIB}`, agent }).end();
    const answer = await response(request);
    let bytes = 0;
    for await (const chunk of answer) {
      bytes += (chunk as Buffer).length;
      await new Promise(setImmediate);
    }
    expect(bytes).to.equal(FIVE_MIB);
  });

  it('is node:http: 5 MiB go up and come back at once', async () => {
    const request = http.request({ port: ports['http'], path: '/echo', method: 'POST', agent });
    const bytes = Buffer.alloc(FIVE_MIB, 'shoal');
    request.end(bytes);
    expect((await buffer(await response(request))).equals(bytes)).to.equal(true);
  });

  it('is ws: a request is upgraded, and messages come back', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${ports['http']}/`);
    await once(socket, 'open');
    const large = Buffer.alloc(1024 * 1024, 'w');
    socket.send('hello');
    socket.send(large);
    const [[hello], [back]] = [await once(socket, 'message'), await once(socket, 'message')];
    expect(String(hello)).to.equal('hello');
    expect((back as Buffer).equals(large)).to.equal(true);
    socket.close(1000);
    const [code] = await once(socket, 'close');
    expect(code).to.equal(1000);
  });

  it('is fastify', async () => {
    const request = http.get({ port: ports['fastify'], path: '/fast/food', agent: false });
    expect(JSON.parse(await text(await response(request)))).to.deep.include({ name: 'food' });
  });

  it('is node:https, on TLS over the stream', async () => {
    const request = https.request({ port: ports['https'], path: '/echo', method: 'POST', ca, agent: false });
    const bytes = Buffer.alloc(1024 * 1024, 'secret');
    request.end(bytes);
    expect((await buffer(await response(request))).equals(bytes)).to.equal(true);
  });

  it('is node:tls: a client that leaves in the middle of a handshake harms nobody', async () => {
    const socket = await open('https');
    socket.write(Buffer.from('1603010200', 'hex'));
    socket.resetAndDestroy();
    const secure = connectTls({ port: ports['https']!, ca, servername: 'localhost' });
    secure.end('GET / HTTP/1.0\r\n\r\n');
    expect(await text(secure)).to.match(/^GET \/ of/m);
  });

  it('is aedes: what one client of mqtt publishes another one gets', async () => {
    const url = `mqtt://127.0.0.1:${ports['mqtt']}`;
    const [reader, writer] = [await connectAsync(url), await connectAsync(url)];
    await reader.subscribeAsync('news/#', { qos: 1 });
    const heard = new Promise<string>((resolve) => {
      reader.on('message', (topic, message) => resolve(`${topic}: ${message.toString()}`));
    });
    await writer.publishAsync('news/today', 'it works', { qos: 1 });
    expect(await heard).to.equal('news/today: it works');
    await Promise.all([reader.endAsync(), writer.endAsync()]);
  });

  it('answers the request that is in flight at a reload, whose idle connections are let go', async () => {
    const idle = await open('http');
    idle.write('GET /idle HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(idle, 'data');
    const socket = new WebSocket(`ws://127.0.0.1:${ports['http']}/`);
    await once(socket, 'open');
    const before = await pidOf();
    const waiting = http.get({ port: ports['http'], path: '/wait?ms=1000', agent: false });
    await logged(server, 'a request waits');
    const reloaded = server.reload();
    const ends = Promise.all([once(idle, 'close'), once(socket, 'close')]);
    idle.resume();
    expect(await text(await response(waiting))).to.equal('waited');
    const [, [code]] = await ends;
    expect(code).to.equal(1001);
    expect((await reloaded).outcome).to.equal('done');
    expect(await pidOf()).not.to.equal(before);
    expect((await server.stats()).pinnedLost).to.equal(0);
  });

  it('loses its connections with its worker, and serves those that come', async () => {
    const socket = await open('http');
    socket.on('error', () => {});
    socket.write('GET /idle HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    const closed = new Promise((resolve) => socket.on('close', resolve));
    const before = await pidOf();
    const { pinnedLost } = await server.stats();
    await server.crashWorker(0);
    await closed;
    expect(await pidOf()).not.to.equal(before);
    expect((await server.stats()).pinnedLost).to.be.above(pinnedLost);
  });

  it('answers the request that is in flight when the server stops', async () => {
    const request = http.get({ port: ports['http'], path: '/wait?ms=500', agent: false });
    const before = server.logs().filter(({ message }) => message === 'a request waits').length;
    expect(before).to.be.at.least(1);
    while (server.logs().filter(({ message }) => message === 'a request waits').length === before)
      await server.advance(5);
    const [answer] = await Promise.all([response(request).then(text), server.stop()]);
    expect(answer).to.equal('waited');
  });

  async function get(path: string): Promise<string> {
    return text(await response(http.get({ port: ports['http'], path, agent })));
  }

  async function pidOf(): Promise<string> {
    const answer = await text(await response(http.get({ port: ports['http'], path: '/', agent: false })));
    return /pid \d+/.exec(answer)![0];
  }

  async function open(listener: string): Promise<Socket> {
    const socket = connectTcp({ port: ports[listener]!, host: '127.0.0.1' });
    await once(socket, 'connect');
    return socket;
  }
});

async function response(request: http.ClientRequest): Promise<IncomingMessage> {
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  return answer;
}

async function portsOf(server: TestServer): Promise<Record<string, number>> {
  const { listeners } = await server.status();
  return Object.fromEntries(listeners.map(({ name, port }) => [name, port]));
}
