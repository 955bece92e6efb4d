import * as chai from 'chai';
import { AssertionError, expect } from 'chai';
import fc from 'fast-check';
import { simulate, type TestClient, type TestLog } from '@shoal/testing';
import { shoalChai } from '@shoal/testing/chai';
import { lastEvents } from '@shoal/testing/internal/trace/trace-text';
import type { TraceEvent } from '@shoal/testing/internal/trace/trace-event';
import { explainDifference, firstDifference, nearest } from '@shoal/testing/internal/chai/bytes-difference';
import { showBytes } from '@shoal/testing/internal/chai/shown-bytes';
import { SyncEchoApp } from '../../fixtures/apps/echo.js';

chai.use(shoalChai);

interface Extras {
  readonly seed?: number;
  readonly trace?: readonly TraceEvent[];
}

/** As much of a client as the assertions look at. */
function client(
  received: string | Uint8Array,
  state: TestClient['state'] = 'open',
  extras: Extras = {},
): object {
  return { id: 3, state, received: Buffer.from(received as string), ...extras };
}

const lines: readonly TestLog[] = [
  { level: 'info', role: 'master', pid: 1000, message: 'ready' },
  { level: 'warn', role: 'worker', workerId: 0, pid: 1001, message: 'poison 7' },
  { level: 'error', role: 'worker', workerId: 1, pid: 1002, message: 'poison 8' },
  { level: 'info', role: 'task worker', workerId: 2, pid: 1003, message: 'ready' },
];

const at = { time: 12.5, pid: 1001, process: 'worker 0' };
const joined = { ...at, event: 'connect', handler: 'Chat.joined', subject: 5, seq: 1 };
const line = { ...at, event: 'receive', handler: 'Chat.line', subject: 5, seq: 2 };
const trace: readonly TraceEvent[] = [
  { ...joined, kind: 'started' },
  { ...joined, kind: 'settled' },
  { ...line, kind: 'started', data: 'hi' },
  { ...at, kind: 'sent', connection: 5, bytes: 2, data: 'hi' },
  { ...line, kind: 'settled' },
  { ...line, kind: 'started', data: 'ho' },
  { ...line, kind: 'failed' },
  { ...line, handler: 'Admin.line', kind: 'started', data: 'stop' },
];

function server(extras: Extras = {}): object {
  return { logs: () => lines, ...extras };
}

/** What an assertion that does not hold throws. */
function failure(assert: () => unknown): Error & { actual?: unknown; expected?: unknown } {
  try {
    assert();
  } catch (error) {
    if (error instanceof AssertionError) return error;
    throw error;
  }
  return expect.fail('the assertion holds');
}

function messageOf(assert: () => unknown): string {
  return failure(assert).message;
}

describe('Chai assertions', () => {
  describe('received', () => {
    it('finds text, bytes and patterns in all that has come', () => {
      const subject = client('one\ntwo é\n');
      expect(subject).to.have.received('two');
      expect(subject).to.have.received('é');
      expect(subject).to.have.received(Uint8Array.of(0xc3, 0xa9));
      expect(subject).to.have.received(/^tw/m);
      expect(subject).to.have.received('');
      expect(subject).to.not.have.received('three');
      expect(subject).to.not.have.received(Uint8Array.of(0));
      expect(subject).to.not.have.received(/three/);
    });

    it('sees one character for each byte in a pattern, and does not mind its flags', () => {
      const subject = client(Uint8Array.of(0xfe, 0xff, 0x0a));
      const pattern = /\xfe\xff/gy;
      expect(subject).to.have.received(pattern);
      expect(subject).to.have.received(pattern);
    });

    it('says what was expected, what came, where they part and how the connection is', () => {
      expect(messageOf(() => expect(client('one\nhelium\n')).to.have.received('hello\n'))).to.equal(
        [
          'expected client 3 to have received "hello\\n", but 11 bytes came: "one\\nhelium\\n"',
          '  its beginning "hel" came at byte 4; the first difference is at byte 7: "lo\\n" was expected, and "ium\\n" came',
          '  the connection is open',
        ].join('\n'),
      );
    });

    it('says what is still missing when the beginning came last', () => {
      expect(messageOf(() => expect(client('hel', 'ended')).to.have.received('hello'))).to.equal(
        [
          'expected client 3 to have received "hello", but 3 bytes came: "hel"',
          '  its beginning "hel" came at byte 0; the first difference is at byte 3: "lo" is still missing',
          '  the connection is ended',
        ].join('\n'),
      );
    });

    it('says that nothing came, or nothing like it', () => {
      expect(messageOf(() => expect(client('', 'closed')).to.have.received('x'))).to.equal(
        'expected client 3 to have received "x", but nothing came\n  the connection is closed',
      );
      expect(messageOf(() => expect(client('abc')).to.have.received('x'))).to.equal(
        'expected client 3 to have received "x", but 3 bytes came: "abc"\n  not even its first byte came\n  the connection is open',
      );
    });

    it('says where it came when it was not to come', () => {
      expect(messageOf(() => expect(client('one two')).to.not.have.received('two'))).to.equal(
        'expected client 3 not to have received "two", but it came at byte 4: "one two"\n  the connection is open',
      );
      expect(messageOf(() => expect(client('one two')).to.not.have.received(/t../))).to.equal(
        'expected client 3 not to have received /t../, but "two" came at byte 4\n  the connection is open',
      );
    });

    it('adds the seed and the last events of a trace where the client has them', () => {
      const subject = client('', 'open', { seed: 7, trace });
      expect(messageOf(() => expect(subject).to.have.received('x'))).to.equal(
        [
          'expected client 3 to have received "x", but nothing came',
          '  the connection is open',
          '  seed 7',
          `  ${lastEvents(trace).replaceAll('\n', '\n  ')}`,
        ].join('\n'),
      );
    });

    it('gives test runners two texts to compare', () => {
      const { actual, expected } = failure(() => expect(client('a\nb')).to.have.received('a\nc'));
      expect({ actual, expected }).to.deep.equal({ actual: 'a\nb', expected: 'a\nc' });
      const pattern = failure(() => expect(client('a')).to.have.received(/b/));
      expect(pattern.actual).to.equal('a');
      expect(String(pattern.expected)).to.equal('/b/');
    });

    it('leaves what looks like a placeholder of Chai as it is', () => {
      expect(messageOf(() => expect(client('#{this} #{act}')).to.have.received('x'))).to.include(
        '14 bytes came: "# {this} # {act}"',
      );
    });

    it('keeps the message of the test in front', () => {
      expect(messageOf(() => expect(client(''), 'the greeting').to.have.received('x'))).to.match(
        /^the greeting: expected client 3 /,
      );
    });
  });

  describe('received.only', () => {
    it('compares every byte that has come', () => {
      expect(client('abc')).to.have.received.only('abc');
      expect(client('')).to.have.received.only('');
      expect(client(Uint8Array.of(0, 255))).to.have.received.only(Uint8Array.of(0, 255));
      expect(client('abc')).to.not.have.received.only('ab');
      expect(client('abc')).to.not.have.received.only('abcd');
      expect(client('abc')).to.not.have.received.only('abd');
    });

    it('points at the first byte that differs', () => {
      expect(messageOf(() => expect(client('one\ntwo\n')).to.have.received.only('one\nten\n'))).to.equal(
        [
          'expected client 3 to have received only "one\\nten\\n", but 8 bytes came: "one\\ntwo\\n"',
          '  the first difference is at byte 5: "en\\n" was expected, and "wo\\n" came',
          '  the connection is open',
        ].join('\n'),
      );
    });

    it('says what came too much, and what is missing', () => {
      expect(messageOf(() => expect(client('abc')).to.have.received.only('a'))).to.include(
        'the first difference is at byte 1: nothing more was expected, and "bc" came',
      );
      expect(messageOf(() => expect(client('a')).to.have.received.only('abc'))).to.include(
        'the first difference is at byte 1: "bc" was expected, and nothing more came',
      );
    });

    it('shows a difference that lies deep in many bytes, and its surroundings', () => {
      const came = `${'x'.repeat(50_000)}abc${'y'.repeat(50_000)}`;
      const wanted = `${'x'.repeat(50_000)}abd${'y'.repeat(50_000)}`;
      const error = failure(() => expect(client(came)).to.have.received.only(wanted));
      expect(error.message).to.match(/only …"x+abdy+"…, but 100003 bytes came: …"x+abcy+"…/);
      expect(error.message).to.match(
        /at byte 50002: "dy+"… was expected, and "cy+"… came\n {2}the connection is open$/,
      );
      expect(error.message.length).to.be.below(1_000);
      expect(error.actual).to.be.a('string').with.length.within(100, 4_000);
      expect(error.actual).to.include('abc');
      expect(error.expected).to.include('abd');
    });

    it('says so when nothing else was to come and did', () => {
      expect(messageOf(() => expect(client('abc')).to.not.have.received.only('abc'))).to.equal(
        'expected client 3 not to have received only "abc", but it has\n  the connection is open',
      );
    });
  });

  describe('open, ended and closed', () => {
    it('follow the state of the connection; what is closed has ended', () => {
      expect(client('', 'open')).to.be.open.and.not.ended.and.not.closed;
      expect(client('', 'open')).to.be.open;
      expect(client('', 'open')).to.not.be.ended;
      expect(client('', 'open')).to.not.be.closed;
      expect(client('', 'ended')).to.not.be.open;
      expect(client('', 'ended')).to.be.ended;
      expect(client('', 'ended')).to.not.be.closed;
      expect(client('', 'closed')).to.not.be.open;
      expect(client('', 'closed')).to.be.ended;
      expect(client('', 'closed')).to.be.closed;
    });

    it('say what has come when they fail', () => {
      const error = failure(() => expect(client('bye\n')).to.be.closed);
      expect(error.message).to.equal(
        'expected client 3 to be closed, but it is open\n  4 bytes came: "bye\\n"',
      );
      expect([error.actual, error.expected]).to.deep.equal(['open', 'closed']);
      expect(messageOf(() => expect(client('', 'ended')).to.not.be.ended)).to.equal(
        'expected client 3 not to be ended, but it is ended\n  nothing came',
      );
    });
  });

  describe('logged', () => {
    it('finds a text or a pattern in a message', () => {
      expect(server()).to.have.logged('poison');
      expect(server()).to.have.logged(/^poison \d$/g);
      expect(server()).to.not.have.logged('Poison');
      expect(server()).to.not.have.logged(/^oison/);
    });

    it('looks at the level, the role and the worker', () => {
      expect(server()).to.have.logged('poison', { level: 'warn', role: 'worker', workerId: 0 });
      expect(server()).to.have.logged('ready', { role: 'taskWorker' });
      expect(server()).to.have.logged('ready', { role: 'task worker' });
      expect(server()).to.not.have.logged('poison', { level: 'error', workerId: 0 });
      expect(server()).to.not.have.logged('poison', { role: 'master' });
      expect(server()).to.not.have.logged('poison', { workerId: 2 });
    });

    it('shows where the text came from instead, and the last lines', () => {
      const error = failure(() =>
        expect(server({ seed: 9 })).to.have.logged(/poison/, { level: 'fatal', role: 'worker', workerId: 0 }),
      );
      expect(error.message).to.equal(
        [
          'expected the server to have logged /poison/ (level fatal, role worker, worker 0), but it has not',
          '  the text came from elsewhere:',
          '    worker 0 warn: poison 7',
          '    worker 1 error: poison 8',
          '  the last log lines:',
          '    1000 master info: ready',
          '    1001 worker 0 warn: poison 7',
          '    1002 worker 1 error: poison 8',
          '    1003 task worker 2 info: ready',
          '  seed 9',
        ].join('\n'),
      );
      expect(error.actual).to.equal('ready\npoison 7\npoison 8\nready');
    });

    it('cuts lines that are too long to be read', () => {
      const long: TestLog = { level: 'info', role: 'worker', pid: 1, message: 'x'.repeat(5_000) };
      const message = messageOf(() => expect({ logs: () => [long] }).to.have.logged('y'));
      expect(message).to.match(/^ {4}1 worker info: x+…$/m);
      expect(message.length).to.be.below(500);
    });

    it('shows the line that was not to be', () => {
      expect(messageOf(() => expect(server()).to.not.have.logged('poison 8'))).to.equal(
        'expected the server not to have logged "poison 8", but it has:\n    worker 1 error: poison 8',
      );
    });
  });

  describe('handled', () => {
    const subject = server({ trace });

    it('counts the handlers of an event that have settled or failed', () => {
      expect(subject).to.have.handled('connect');
      expect(subject).to.have.handled('receive', { times: 2 });
      expect(subject).to.have.handled('receive', { times: 2, handler: 'Chat.line' });
      expect(subject).to.have.handled('receive', { times: 1, outcome: 'settled' });
      expect(subject).to.have.handled('receive', { times: 1, outcome: 'failed' });
      expect(subject).to.have.handled('close', { times: 0 });
      expect(subject).to.not.have.handled('close');
      expect(subject).to.not.have.handled('receive', { times: 1 });
      expect(subject).to.not.have.handled('receive', { handler: 'Admin.line' });
    });

    it('says how often, what else was handled and what has not ended', () => {
      const error = failure(() =>
        expect(server({ trace: trace.slice(2) })).to.have.handled('receive', { times: 3 }),
      );
      expect(error.message.split('\n').slice(0, 4)).to.deep.equal([
        'expected the server to have handled receive 3 times, but it has 2 times',
        '  1 more has started and not ended',
        '  handled were receive Chat.line 2 times',
        '  all 6 events of the trace:',
      ]);
      expect([error.actual, error.expected]).to.deep.equal([2, 3]);
      expect(
        messageOf(() => expect(server({ trace: [] })).to.have.handled('tick', { handler: 'A.b' })),
      ).to.equal(
        'expected the server to have handled tick with A.b, but it has 0 times\n  nothing was handled',
      );
      expect(messageOf(() => expect(subject).to.not.have.handled('connect'))).to.match(
        /^expected the server not to have handled connect, but it has once\n/,
      );
    });

    it('refuses an event that does not exist, and a number of times that cannot be', () => {
      expect(() => expect(subject).to.not.have.handled('recieve')).to.throw(
        TypeError,
        /^handled knows no event 'recieve'; there are start, .*receive, .*tick$/,
      );
      for (const times of [-1, 0.5]) {
        expect(() => expect(subject).to.not.have.handled('receive', { times })).to.throw(
          TypeError,
          `times of handled is ${times}; it is a whole number from 0`,
        );
      }
    });

    it('refuses a server without a trace', () => {
      expect(() => expect(server()).to.not.have.handled('receive')).to.throw(
        TypeError,
        'expect(…).handled reads the trace of a server, and this one keeps none',
      );
    });
  });

  it('refuse a wrong subject, negated or not, and say what it is', () => {
    const needsClient = 'takes a client, as server.connect() gives it, and got';
    expect(() => expect(5).to.have.received).to.throw(TypeError, `expect(…).received ${needsClient} 5`);
    expect(() => expect(undefined).to.not.be.open).to.throw(
      TypeError,
      `expect(…).open ${needsClient} nothing`,
    );
    expect(() => expect(new Map()).to.be.closed).to.throw(TypeError, `${needsClient} an object of Map`);
    expect(() => expect(Promise.resolve()).to.be.ended).to.throw(
      TypeError,
      `${needsClient} a promise: await it first`,
    );
    expect(() => expect(client('')).to.have.logged('x')).to.throw(
      TypeError,
      'expect(…).logged takes a server, as simulate() and launch() give it, and got an object',
    );
    expect(() => expect('server').to.not.have.handled('receive')).to.throw(TypeError, "and got 'server'");
  });

  it('refuse what cannot be expected', () => {
    const untyped = client('') as TestClient;
    expect(() => expect(untyped).to.have.received(5 as never)).to.throw(
      TypeError,
      'received takes a string, bytes or a RegExp, and got number',
    );
    expect(() => expect(untyped).to.have.received.only(/x/ as never)).to.throw(
      TypeError,
      'received takes a string or bytes, and got object',
    );
    expect(() => expect(server()).to.have.logged(undefined as never)).to.throw(
      TypeError,
      'logged takes a string or a RegExp, and got nothing',
    );
    const assertion = expect(untyped) as unknown as { only(wanted: string): void };
    expect(() => assertion.only('x')).to.throw(TypeError, 'write expect(client).to.have.received.only(…)');
  });

  it('hold of a simulated server, whose seed they name', async () => {
    await using simulated = await simulate(SyncEchoApp, { seed: 4 });
    const alice = await simulated.connect();
    alice.send('hi\n');
    await alice.receiveLine();
    expect(alice).to.have.received.only('hi\n');
    expect(alice).to.be.open;
    expect(simulated).to.have.handled('receive', { times: 1, handler: 'SyncEcho.echo' });
    expect(simulated).to.have.logged(/serves/, { level: 'info', role: 'master' });
    expect(messageOf(() => expect(simulated).to.have.logged('nonsense'))).to.match(/^ {2}seed 4$/m);
  });
});

describe('Bytes in messages', () => {
  it('are UTF-8 where they can be, and escaped where not', () => {
    const bytes = Buffer.concat([
      Buffer.from('a"\\\r\n\t\x00\x7fé€😀'),
      Buffer.from([0xff, 0xc3, 0x28, 0xe2, 0x82]),
      Buffer.from('\u00a0\u202e'),
    ]);
    expect(showBytes(bytes)).to.equal(
      '"a\\"\\\\\\r\\n\\t\\x00\\x7fé€😀\\xff\\xc3(\\xe2\\x82\\u{a0}\\u{202e}"',
    );
  });

  it('are shown whole up to 200 characters, and cut beyond', () => {
    expect(showBytes(Buffer.alloc(199, 'a'))).to.equal(`"${'a'.repeat(199)}"`);
    expect(showBytes(Buffer.alloc(200, 'a'))).to.equal(`"${'a'.repeat(199)}"…`);
  });

  it('are cut around the place that matters, at whole characters', () => {
    const shown = showBytes(Buffer.from('é'.repeat(500)), 601);
    expect(shown).to.match(/^…"é+"…$/);
    expect(shown.length).to.be.within(195, 205);
    const binary = Buffer.alloc(150, 0xff);
    binary[149] = 0x41;
    expect(showBytes(binary, 149)).to.match(/^…"(\\xff)+A"$/);
  });

  it('always show the byte that matters, within the limit', () => {
    const someBytes = fc
      .oneof(fc.uint8Array({ minLength: 1, maxLength: 600, size: 'max' }), fc.string({ minLength: 1 }))
      .map((made) => Buffer.from(typeof made === 'string' ? made.repeat(100) : made))
      .map((bytes) => bytes.map((byte) => (byte === 0x58 ? 0x59 : byte)));
    fc.assert(
      fc.property(someBytes, fc.nat(), (bytes, position) => {
        const place = position % bytes.length;
        bytes[place] = 0x58;
        expect(showBytes(bytes, place)).to.include('X');
        expect(showBytes(bytes, place).length).to.be.below(215);
      }),
    );
  });

  it('differ first where they differ first', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), fc.uint8Array(), (same, one, other) => {
        const a = Buffer.concat([same, one]);
        const b = Buffer.concat([same, other]);
        const difference = firstDifference(a, b);
        if (difference === undefined) {
          expect(a).to.deep.equal(b);
          return;
        }
        expect(difference).to.be.at.least(same.length);
        expect(a.subarray(0, difference)).to.deep.equal(b.subarray(0, difference));
        expect(a[difference]).to.not.equal(b[difference]);
        expect(explainDifference(a, b)).to.include(`at byte ${difference}:`);
      }),
    );
  });

  it('are found as far as they came, at the longest beginning', () => {
    const few = fc.uint8Array({ max: 2, maxLength: 30 });
    fc.assert(
      fc.property(few, few, (came, wanted) => {
        const { at: place, size } = nearest(came, wanted);
        expect([...came.subarray(place, place + size)]).to.deep.equal([...wanted.subarray(0, size)]);
        if (size === wanted.length) return;
        expect(Buffer.from(came).indexOf(wanted.subarray(0, size + 1))).to.equal(-1);
      }),
    );
  });
});
