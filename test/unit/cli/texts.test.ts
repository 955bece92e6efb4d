import { expect } from 'chai';
import { durationText, memoryText, oneLine, rateText } from '@shoal/cli/internal/text/amounts';
import { connectionLines } from '@shoal/cli/internal/text/connections-text';
import { progressText, reportLines } from '@shoal/cli/internal/text/reload-text';
import { ratesBetween, statusLines } from '@shoal/cli/internal/text/status-text';
import type { ReloadReport } from '@shoal/core/internal/pipe/questions';
import { clientInfo, processStatus, serverStatus } from './statuses.js';

const now = 4_700_000;

describe('A status in the terminal', () => {
  it('has the server in sentences and its processes in a table', () => {
    expect(statusLines(serverStatus(), now).map(({ text }) => text)).to.deep.equal([
      'chat is serving: process mode, generation 2, up 1h 1m, pid 99',
      'listener lines on 127.0.0.1:9501',
      'listener six on [::1]:9502',
      'connections 12_345, requests/s 37.0, in flight 7',
      'packets 100_000 accepted, 99_990 handled, 2 redelivered, 3 refused; 4 handlers failed',
      '',
      'process   pid  state  gen  uptime  conns  req/s  in flight  lag p99  memory  restarts  last crash',
      'master     99  ready    2   1m 1s      -      -          -        -       -         0',
      'worker 0  101  ready    2   1m 1s      5   12.3          3    1.3ms  50 MiB         0',
      'worker 1    -  down     2       -      5   12.3          3    1.3ms  50 MiB         3  10s ago: exit code 70: [2Jboom',
    ]);
  });

  it('tells connections that were turned away apart from packets that were refused, and a unix socket by its path', () => {
    const { stats } = serverStatus();
    const refused = { CONNECTION_LIMIT: 1_000, ADDRESS_LIMIT: 20, CONNECT_RATE: 3, CLOSED: 4 };
    const listeners = [{ name: 'local', address: '/run/chat.sock', port: 0 }];
    const lines = statusLines(serverStatus({ stats: { ...stats, refused }, listeners }), now);
    expect(lines.slice(1, 4).map(({ text }) => text)).to.deep.equal([
      'listener local on /run/chat.sock',
      'connections 12_345 (1023 turned away), requests/s 37.0, in flight 7',
      'packets 100_000 accepted, 99_990 handled, 2 redelivered, 4 refused; 4 handlers failed',
    ]);
  });

  it('calls a user process by its name and its id', () => {
    const status = serverStatus({
      processes: [processStatus({ role: 'userProcess', workerId: 3, name: 'poller' })],
    });
    expect(statusLines(status, now).at(-1)?.text).to.match(/^process poller \(3\) {2}101 {2}ready/);
  });

  it('marks titles, and nothing else', () => {
    const titles = statusLines(serverStatus(), now).filter(({ title }) => title);
    expect(titles.map(({ text }) => text.split(' ')[0])).to.deep.equal(['chat', 'process']);
  });

  it('takes rates by difference, of processes that were there before', () => {
    const before = serverStatus({ processes: [processStatus(), processStatus({ workerId: 1, pid: 102 })] });
    const after = serverStatus({
      uptime: before.uptime + 2_000,
      processes: [
        processStatus({ requests: 1_500 }),
        processStatus({ workerId: 1, pid: 103, requests: 40 }),
        processStatus({ workerId: 2, pid: 0 }),
      ],
    });
    const rates = ratesBetween(before, after);
    expect([...rates]).to.deep.equal([[101, 250]]);
    const rows = statusLines(after, now, rates).slice(-3);
    expect(rows.map(({ text }) => text.split(/ {2,}/)[6])).to.deep.equal(['250', '-', '-']);
    expect(ratesBetween(after, after).size).to.equal(0);
  });
});

describe('Amounts', () => {
  it('are durations in the two largest units', () => {
    const texts = [0, 999, 1_000, 59_999, 60_000, 3_599_999, 3_600_000, 90_000_000].map((ms) =>
      durationText(ms),
    );
    expect(texts).to.deep.equal(['0ms', '999ms', '1s', '59s', '1m 0s', '59m 59s', '1h 0m', '1d 1h']);
  });

  it('are memory and rates with as many digits as one reads', () => {
    const mebibyte = 1024 * 1024;
    expect([0.5, 9.94, 10.4, 1023, 1536].map((size) => memoryText(size * mebibyte))).to.deep.equal([
      '0.5 MiB',
      '9.9 MiB',
      '10 MiB',
      '1023 MiB',
      '1.5 GiB',
    ]);
    expect([0, 0.25, 7, 99.96, 100.4].map((rate) => rateText(rate))).to.deep.equal([
      '0',
      '0.3',
      '7',
      '100.0',
      '100',
    ]);
  });

  it('are one line that steers no terminal', () => {
    expect(oneLine(' a\r\n\tb\x1b[31m\u202e c \0')).to.equal('a b [31m c');
  });
});

describe('A reload in words', () => {
  const report: ReloadReport = {
    outcome: 'done',
    generation: 3,
    replaced: [0, 1],
    needRestart: [],
    duration: 4_200,
  };

  it('has a line for each step, whatever a later version calls it', () => {
    expect(progressText({ step: 'canary', workerId: 0, pid: 7 })).to.equal(
      'worker 0, pid 7: started as the canary',
    );
    expect(progressText({ step: 'failed', workerId: 1, pid: 8, text: 'exit code 71' })).to.equal(
      'worker 1, pid 8: failed: exit code 71',
    );
    const later = { step: 'polishing', workerId: 1, pid: 8 } as unknown as Parameters<typeof progressText>[0];
    expect(progressText(later)).to.equal('worker 1, pid 8: polishing');
  });

  it('says how it ended', () => {
    expect(reportLines(report)).to.deep.equal([
      'reloaded in 4s: generation 3 serves, 2 workers were replaced',
    ]);
    expect(reportLines({ ...report, replaced: [0] })[0]).to.include('1 worker was replaced');
    expect(reportLines({ ...report, outcome: 'accepted' })[0]).to.include(
      'the new code was accepted after 4s',
    );
    expect(reportLines({ ...report, outcome: 'halted' })[0]).to.include('workers 0, 1 are new');
    expect(reportLines({ ...report, outcome: 'halted', replaced: [] })[0]).to.include('no worker is new');
    expect(reportLines({ ...report, outcome: 'stopping' })[0]).to.include('was stopped during the reload');
  });

  it('shows what is wrong with certificates, so that those of before stay', () => {
    const [, ...lines] = reportLines({
      ...report,
      certificateProblems: ["listeners[0].tls.key: 'a.key' is not there"],
    });
    expect(lines).to.deep.equal([
      'the certificates of before stay, for something is wrong with those on disk:',
      "  listeners[0].tls.key: 'a.key' is not there",
    ]);
  });

  it('shows what needs a restart, and the stack of the worker with its causes', () => {
    const lines = reportLines({
      ...report,
      outcome: 'rolledBack',
      needRestart: ['settings.workerNum'],
      failure: {
        workerId: 0,
        reason: 'it could not boot',
        error: {
          name: 'TypeError',
          message: 'no',
          stack: 'TypeError: no\n    at boot (app.js:1:1)',
          cause: { name: 'Error', message: 'because' },
        },
      },
    });
    expect(lines).to.deep.equal([
      'rolled back after 4s: the new code does not run, and the workers of before serve untouched',
      'these have changed on disk and need a restart:',
      '  settings.workerNum',
      'worker 0 failed: it could not boot',
      'TypeError: no',
      '    at boot (app.js:1:1)',
      'caused by Error: because',
    ]);
  });
});

describe('Connections in the terminal', () => {
  it('are a table in the order of their ids', () => {
    const paused = { ...clientInfo(3), paused: true, uid: 'device\n7' };
    const pinned = { ...clientInfo(4), pinned: true };
    const both = { ...clientInfo(5), pinned: true, paused: true };
    expect(connectionLines([clientInfo(2), paused, pinned, both], now)).to.deep.equal([
      'id  listener  client          worker    age  state                 uid       in flight  bytes waiting',
      ' 2  lines     [::1]:40002          1  1h 1m  open                  -                 1           2048',
      ' 3  lines     10.0.0.7:40003       -  1h 1m  open, paused          device 7          1           2048',
      ' 4  lines     [::1]:40004          1  1h 1m  open, pinned          -                 1           2048',
      ' 5  lines     10.0.0.7:40005       1  1h 1m  open, paused, pinned  -                 1           2048',
    ]);
  });
});
