import type { ForkOptions } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { expect } from 'chai';
import type { LogRecord } from '@shoal/core/internal/platform/platform';
import { NodeLog, prettyLines } from '@shoal/core/internal/platform/node/log';
import { until, within } from './deadlines.js';
import { endPrograms, start } from './program.js';

const plain: LogRecord = { level: 'info', role: 'worker', workerId: 3, message: 'hello' };

function lines(...records: LogRecord[]): Record<string, unknown>[] {
  const written: string[] = [];
  const log = new NodeLog({ write: (line) => written.push(line) });
  for (const record of records) log.write(record);
  expect(written.every((line) => line.endsWith('\n') && line.indexOf('\n') === line.length - 1)).to.equal(
    true,
  );
  return written.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('NodeLog', function () {
  this.timeout(15_000);
  afterEach(endPrograms);

  it('writes one JSON object a line, with who said it and when', () => {
    const [line] = lines({ ...plain, fields: { connection: 7 } });
    const { time, ...rest } = line!;
    expect(rest).to.deep.equal({
      level: 'info',
      role: 'worker',
      workerId: 3,
      pid: process.pid,
      connection: 7,
      msg: 'hello',
    });
    expect(new Date(String(time)).toISOString()).to.equal(time);
  });

  it('writes every level, and leaves out a worker id that there is not', () => {
    const levels = ['debug', 'info', 'warn', 'error'] as const;
    const written = lines(...levels.map((level) => ({ level, role: 'master', message: 'm' })));
    expect(written.map(({ level }) => level)).to.deep.equal(levels);
    expect(written[0]).to.not.have.property('workerId');
  });

  it('writes errors with stack and causes', () => {
    const error = new TypeError('outer', { cause: new Error('inner') });
    const [line] = lines({ ...plain, fields: { error, err: error } });
    for (const name of ['error', 'err']) {
      const written = line![name] as {
        type: string;
        message: string;
        stack: string;
        cause: { message: string };
      };
      expect(written).to.include({ type: 'TypeError', message: 'outer' });
      expect(written.stack).to.include('log.test');
      expect(written.cause.message).to.equal('inner');
    }
  });

  it('keeps its own fields when a caller has one of the same name', () => {
    const [line] = lines({
      ...plain,
      fields: { level: 9, role: 'thief', msg: 'other', pid: 1, time: 0, workerId: 8 },
    });
    expect(line).to.include({ level: 'info', role: 'worker', msg: 'hello', pid: process.pid, workerId: 3 });
    expect(line).to.include({ level_: 9, role_: 'thief', msg_: 'other', pid_: 1, time_: 0, workerId_: 8 });
  });

  it('writes a line for fields that JSON does not know, and never throws', () => {
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    const hostile = {
      get trap(): never {
        throw new Error('a getter');
      },
    };
    const written = lines(
      { ...plain, fields: { circular } },
      { ...plain, fields: { big: 10n, nothing: undefined, symbol: Symbol('s'), run: () => 1 } },
      { ...plain, fields: { hostile } },
      { ...plain, fields: hostile },
      plain,
    );
    expect(written.at(-1)).to.include({ msg: 'hello' });
    expect(written.length).to.be.within(4, 5);
  });

  it('writes for people on a terminal: level, origin, message and fields', () => {
    const written: string[] = [];
    const log = new NodeLog(prettyLines({ write: (line) => written.push(line) }, false));
    log.write({ ...plain, fields: { connection: 7 } });
    log.write({ level: 'error', role: 'master', message: 'broken', fields: { error: new Error('why') } });
    expect(written[0]).to.match(
      new RegExp(`INFO.* worker 3 \\(${process.pid}\\)  hello\\n +connection: 7\\n$`),
    );
    expect(written[1]).to.match(new RegExp(`ERROR.* master \\(${process.pid}\\)  broken\\n`));
    expect(written[1]).to.include('why').and.include('log.test');
  });

  describe('on standard output', () => {
    const piped: ForkOptions = { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] };

    it('loses no line of a process that leaves in the same turn', async () => {
      const program = start('logs', ['leaving', '500'], piped);
      const text = await within('the whole output', textOf(program.process.stdout!));
      expect(indexes(text)).to.deep.equal([...Array(500).keys()]);
    });

    it('gives a reader who is slow a last chance when the process leaves', async () => {
      const program = start('logs', ['refusing-and-leaving', '500'], piped);
      await program.says('written');
      const text = await within('the whole output', textOf(program.process.stdout!));
      expect(indexes(text)).to.deep.equal([...Array(500).keys()]);
    });

    it('survives a reader that is gone', async () => {
      const program = start('logs', ['blocking', '100'], piped);
      await program.says('ready');
      program.process.stdout!.destroy();
      await within('the end of the pipe', once(program.process.stdout!, 'close'));
      program.process.send({ go: true });
      await program.says('written');
      program.process.disconnect();
      expect(await program.exit()).to.deep.equal({ code: 0, signal: null });
    });

    it('does not wait for a reader who is slow, keeps 1 MiB for it, and drops whole lines beyond', async () => {
      const program = start('logs', ['refusing', '4000'], piped);
      await program.says('ready');
      program.process.send({ go: true });
      await program.says('written');

      let text = '';
      program.process.stdout!.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      await until('what it kept has come', () => text.length > 1024 * 1024);
      program.process.send({ go: true });
      await program.says('written');

      const secondTime = (): number => indexes(text).indexOf(0, 1);
      await until('it writes again', () => secondTime() !== -1);
      const kept = indexes(text).slice(0, secondTime());
      expect(kept).to.deep.equal([...Array(kept.length).keys()]);
      // 1 MiB, and what the pipe itself takes.
      const bytes = Buffer.byteLength(text) * (kept.length / indexes(text).length);
      expect(bytes).to.be.within(1024 * 1024, 1024 * 1024 + 256 * 1024);
    });
  });
});

async function textOf(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk as string;
  return text;
}

/** The `index` of each complete line; a broken line would not parse. */
function indexes(text: string): number[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { index: number }).index);
}
