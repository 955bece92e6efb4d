import { expect } from 'chai';
import type { TestServer } from '@shoal/testing';
import { answerTo } from './office.js';

/** Two of them do not fit the window of a pipe. */
const FORM = `file ${'f'.repeat(40_000)}`;
/** These travel between processes in several chunks. */
const CATALOGUE = 'order 420';
const LETTER = `echo ${'e'.repeat(100_000)}`;

/** A day at the office: clients of all sorts come, talk and leave, and each checks what it gets. */
export async function visits(server: TestServer): Promise<void> {
  await Promise.all([
    talk(server, 0, [mixed(50), mixed(20)]),
    talk(server, 2, [['file', 'echo 1', 'echo 2'], repeated('note', 25)]),
    talk(server, 3, [mixed(30)]),
    talk(server, 5, [[CATALOGUE, 'echo behind it', 'count', 'note']]),
    talk(server, 9, [['echo small', LETTER, 'count', 'file']]),
    talk(server, 20, [
      repeated('count', 15),
      ['order 1', 'echo 1', 'order 2', 'echo 2', 'order 3', 'echo 3'],
    ]),
    talk(server, 26, [[FORM, 'echo 1', 'echo 2'], mixed(30)]),
    talk(server, 28, [[FORM, 'echo 1'], [FORM]]),
    ...[8, 22, 36].map((moment) =>
      talk(
        server,
        moment,
        Array.from({ length: 6 }, () => ['memo', 'count']),
      ),
    ),
    ...[7, 16, 34, 52].map((moment) => evict(server, moment, ['file', 'file', 'echo unheard', 'file'])),
    ...[6, 17, 31, 44].map((moment) => runAway(server, moment, ['echo 1', 'file', 'echo 2', 'file'])),
    quit(server, 15, repeated('echo unheard', 40)),
    quit(server, 27, [FORM]),
    ...[4, 9, 18, 33, 45, 60].map((moment) => quit(server, moment, ['echo unheard'])),
    ...[40, 55].flatMap((moment) => [
      talk(server, moment, [[FORM], [FORM]]),
      talk(server, moment + 1, [[FORM, 'echo 1']]),
      quit(server, moment + 1, [FORM]),
      quit(server, moment + 2, [FORM]),
    ]),
    ...[0, 30, 50, 70, 90].map((moment) => talk(server, moment, [])),
  ]);
  await server.workersReady();
  await server.settle();
  expect(server.connections).to.deep.equal([]);
}

/** Sends the lines of each burst at once, expects every answer in order, and leaves. */
async function talk(server: TestServer, moment: number, bursts: readonly string[][]): Promise<void> {
  await server.advance(moment);
  const client = await server.connect();
  if (bursts.length === 0) client.end();
  expect(await client.receiveLine()).to.equal('welcome');
  let counted = 0;
  for (const burst of bursts) {
    client.send(burst.map((line) => `${line}\n`).join(''));
    if (burst === bursts.at(-1)) client.end();
    for (const line of burst) {
      const answer = answerTo(line, counted);
      if (line === 'count') counted++;
      if (answer !== undefined) expect(await client.receiveLine()).to.equal(answer);
    }
  }
  await client.ended();
  await client.closed();
}

/** Asks to be shown out, with more to say. */
async function quit(server: TestServer, moment: number, rest: readonly string[]): Promise<void> {
  await server.advance(moment);
  const client = await server.connect();
  client.send(['echo I go', 'quit', ...rest].map((line) => `${line}\n`).join(''));
  await client.ended();
  expect(client.received.toString()).to.equal('welcome\necho I go\n');
  client.end();
  await client.closed();
}

/** Has more to say, and is shown out by another client. */
async function evict(server: TestServer, moment: number, rest: readonly string[]): Promise<void> {
  await server.advance(moment);
  const [guest, guard] = [await server.connect(), await server.connect()];
  for (const client of [guest, guard]) expect(await client.receiveLine()).to.equal('welcome');
  guest.send('who\n');
  const id = await guest.receiveLine();
  guest.send(rest.map((line) => `${line}\n`).join(''));
  await server.advance(3);
  guard.send(`evict ${id}\n`);
  guard.end();
  await guest.ended();
  guest.end();
  for (const client of [guest, guard]) await client.closed();
}

/** Is gone while it is served. */
async function runAway(server: TestServer, moment: number, lines: readonly string[]): Promise<void> {
  await server.advance(moment);
  const client = await server.connect();
  client.send(lines.map((line) => `${line}\n`).join(''));
  await server.advance(12);
  client.reset();
}

function mixed(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    if (index % 17 === 7) return 'count';
    return index % 5 === 3 ? 'note' : `echo ${index}`;
  });
}

function repeated(line: string, times: number): string[] {
  return Array.from({ length: times }, () => line);
}
