import { expect } from 'chai';
import { describeFault } from '@shoal/testing/internal/exploration/fault';
import { describeEvent, lastEvents } from '@shoal/testing/internal/trace/trace-text';
import { shortTitle } from '@shoal/testing/internal/trace/title';
import type { TracedKind, TraceEvent } from '@shoal/testing/internal/trace/trace-event';
import type { Fault } from '@shoal/testing';
import { configured } from './told-facts.js';

type Examples = {
  readonly [Kind in TracedKind['kind']]: readonly [TracedKind & { readonly kind: Kind }, string][];
};

const bytes = { bytes: 3, data: 'hi\n' };
const delivered = { connection: 3, packet: 0, worker: 10, workerId: 1, seq: 4, attempt: 1 } as const;
const handler = { event: 'receive', handler: 'Chat.line', subject: 3, seq: 4 };

const datagram = { datagram: 3 } as const;
const place = { listener: 'parrot', address: '10.0.0.7', port: 4000 } as const;
const given = { ...datagram, owner: 0, worker: 10, workerId: 1, seq: 4, attempt: 1 } as const;

/** Every kind of event, with its sentence. A new kind does not compile until it is here. */
const examples: Examples = {
  configured: [[configured(), 'process mode, 1 reactors, 2 workers, dispatch fixed']],
  spawned: [[{ kind: 'spawned' }, 'is spawned, pid 10']],
  exited: [
    [{ kind: 'exited', code: 70, signal: null }, 'ends by exit code 70'],
    [{ kind: 'exited', code: 0, signal: null }, 'ends by exit code 0'],
    [{ kind: 'exited', code: null, signal: 'SIGKILL' }, 'ends by SIGKILL'],
  ],
  datagramAccepted: [
    [
      { kind: 'datagramAccepted', ...datagram, ...place, ...bytes },
      'takes datagram 3 from 10.0.0.7:4000 on parrot: 3 bytes "hi\\n"',
    ],
  ],
  datagramDelivered: [
    [{ kind: 'datagramDelivered', ...given }, 'gives datagram 3 to worker 1'],
    [{ kind: 'datagramDelivered', ...given, attempt: 2 }, 'gives datagram 3 to worker 1, attempt 2'],
  ],
  datagramAcknowledged: [
    [{ kind: 'datagramAcknowledged', ...datagram, discarded: false }, 'hears that datagram 3 is settled'],
    [{ kind: 'datagramAcknowledged', ...datagram, discarded: true }, 'hears that datagram 3 is discarded'],
  ],
  datagramReturned: [
    [
      { kind: 'datagramReturned', ...datagram, planned: false },
      'takes datagram 3 back from a worker that is lost',
    ],
    [
      { kind: 'datagramReturned', ...datagram, planned: true },
      'takes datagram 3 back from a worker that has not started it',
    ],
  ],
  datagramRefused: [
    [{ kind: 'datagramRefused', ...datagram, reason: 'NO_WORKER' }, 'refuses datagram 3: NO_WORKER'],
  ],
  datagramSent: [
    [
      { kind: 'datagramSent', ...place, ...bytes },
      'sends a datagram to 10.0.0.7:4000 from parrot: 3 bytes "hi\\n"',
    ],
  ],
  datagramWritten: [
    [
      { kind: 'datagramWritten', ...place, worker: 10, ...bytes },
      'writes a datagram to 10.0.0.7:4000 from parrot: 3 bytes "hi\\n"',
    ],
  ],
  datagramClient: [
    [
      {
        kind: 'datagramClient',
        client: 0,
        address: '10.0.0.7',
        port: 4000,
        lossy: false,
        duplicates: false,
      },
      'is at 10.0.0.7:4000',
    ],
  ],
  datagramClientSends: [[{ kind: 'datagramClientSends', client: 0, ...bytes }, 'sends 3 bytes "hi\\n"']],
  datagramClientReceives: [
    [{ kind: 'datagramClientReceives', client: 0, ...bytes }, 'receives 3 bytes "hi\\n"'],
  ],
  accepted: [
    [
      { kind: 'accepted', connection: 3, listener: 'chat', address: '10.0.0.7', port: 4000 },
      'accepts connection 3 from 10.0.0.7:4000 on chat',
    ],
  ],
  bound: [
    [{ kind: 'bound', connection: 3, uid: 'ann' }, 'binds connection 3 to uid "ann"'],
    [{ kind: 'bound', connection: 3, uid: 7 }, 'binds connection 3 to uid "7"'],
  ],
  joined: [[{ kind: 'joined', connection: 3, group: 'room' }, 'puts connection 3 into group "room"']],
  left: [[{ kind: 'left', connection: 3, group: 'room' }, 'takes connection 3 out of group "room"']],
  outOfTime: [[{ kind: 'outOfTime' }, 'has no time left to drain']],
  out: [[{ kind: 'out', connection: 3, bytes: 7 }, 'tells that 7 bytes of connection 3 are out']],
  leaves: [[{ kind: 'leaves', connection: 3 }, 'takes connection 3 out of everything']],
  members: [[{ kind: 'members', of: { group: 'room' }, count: 2 }, 'has 2 connections of group "room"']],
  sentToMany: [
    [
      { kind: 'sentToMany', to: { group: 'room' }, except: [], ...bytes },
      'sends to group "room": 3 bytes "hi\\n"',
    ],
    [
      { kind: 'sentToMany', to: { uid: 'ann' }, except: [3, 4], ...bytes },
      'sends to uid "ann" but 3, 4: 3 bytes "hi\\n"',
    ],
  ],
  endedMany: [
    [{ kind: 'endedMany', to: { uid: 7 }, reset: false }, 'closes uid "7"'],
    [{ kind: 'endedMany', to: { group: 'room' }, reset: true }, 'closes group "room" by a reset'],
  ],
  turnedAway: [
    [
      {
        kind: 'turnedAway',
        listener: 'chat',
        address: '10.0.0.7',
        port: 4000,
        reason: 'CONNECTION_LIMIT',
      },
      'turns 10.0.0.7:4000 away from chat: CONNECTION_LIMIT',
    ],
  ],
  packet: [
    [{ kind: 'packet', connection: 3, packet: 2, bytes: 5 }, 'takes packet 2 of connection 3, 5 bytes'],
  ],
  delivered: [
    [
      { kind: 'delivered', event: 'receive', ...delivered, packet: 2 },
      'gives packet 2 of connection 3 to worker 1',
    ],
    [
      { kind: 'delivered', event: 'receive', ...delivered, packet: 2, attempt: 2 },
      'gives packet 2 of connection 3 to worker 1, attempt 2',
    ],
    [{ kind: 'delivered', event: 'connect', ...delivered }, 'gives the connect of connection 3 to worker 1'],
    [{ kind: 'delivered', event: 'adopt', ...delivered }, 'gives the adopt of connection 3 to worker 1'],
    [{ kind: 'delivered', event: 'close', ...delivered }, 'gives the close of connection 3 to worker 1'],
  ],
  acknowledged: [
    [
      { kind: 'acknowledged', connection: 3, event: 'receive', packet: 2, discarded: false },
      'hears that packet 2 of connection 3 is settled',
    ],
    [
      { kind: 'acknowledged', connection: 3, event: 'receive', packet: 2, discarded: true },
      'hears that packet 2 of connection 3 is discarded',
    ],
    [
      { kind: 'acknowledged', connection: 3, event: 'introduction', packet: 0, discarded: false },
      'hears that the introduction of connection 3 is settled',
    ],
  ],
  returned: [
    [
      { kind: 'returned', connection: 3, packet: 2, planned: false },
      'takes packet 2 of connection 3 back from a worker that is lost',
    ],
    [
      { kind: 'returned', connection: 3, packet: 2, planned: true },
      'takes packet 2 of connection 3 back from a worker that has not started it',
    ],
  ],
  loads: [
    [{ kind: 'loads', inFlight: [2, 0] }, 'counts packets in flight: 2 0'],
    [{ kind: 'loads', connections: [1, 3] }, 'counts connections: 1 3'],
  ],
  retired: [[{ kind: 'retired', worker: 4711, workerId: 1 }, 'takes worker 1, pid 4711, out of dispatch']],
  pinned: [[{ kind: 'pinned', connection: 3, worker: 4711 }, 'pins connection 3 to pid 4711']],
  inputEnded: [
    [{ kind: 'inputEnded', connection: 3 }, 'tells that the client of connection 3 has finished sending'],
  ],
  taken: [
    [
      { kind: 'taken', connection: 3, seq: 4, discarded: false },
      'has read what came as number 4 of connection 3',
    ],
    [
      { kind: 'taken', connection: 3, seq: 4, discarded: true },
      'drops what came as number 4 of connection 3',
    ],
  ],
  refused: [
    [
      { kind: 'refused', connection: 3, packet: 2, reason: 'CLOSED' },
      'refuses packet 2 of connection 3: CLOSED',
    ],
  ],
  output: [
    [{ kind: 'output', connection: 3, worker: 10, ...bytes }, 'writes to connection 3: 3 bytes "hi\\n"'],
  ],
  outputRefused: [
    [
      { kind: 'outputRefused', connection: 3, worker: 10, ...bytes },
      'refuses to write to connection 3: 3 bytes "hi\\n"',
    ],
  ],
  file: [[{ kind: 'file', connection: 3, file: 1 }, 'keeps a place for file 1 of connection 3']],
  fileOutput: [
    [
      { kind: 'fileOutput', connection: 3, file: 1, ...bytes },
      'writes of file 1 to connection 3: 3 bytes "hi\\n"',
    ],
  ],
  closed: [[{ kind: 'closed', connection: 3, reason: 'client' }, 'connection 3 is closed: client']],
  forgotten: [[{ kind: 'forgotten', connection: 3 }, 'forgets connection 3']],
  started: [
    [{ kind: 'started', ...handler, data: 'hi\n' }, 'starts Chat.line of connection 3, number 4: "hi\\n"'],
    [{ kind: 'started', ...handler, event: 'connect' }, 'starts Chat.line of connection 3, number 4'],
    [{ kind: 'started', ...handler, event: 'tick' }, 'starts Chat.line (timer 3)'],
    [{ kind: 'started', ...handler, event: 'workerStart', subject: 0, seq: 0 }, 'starts Chat.line'],
  ],
  settled: [[{ kind: 'settled', ...handler }, 'Chat.line has settled of connection 3, number 4']],
  failed: [[{ kind: 'failed', ...handler }, 'Chat.line has failed of connection 3, number 4']],
  sent: [[{ kind: 'sent', connection: 3, ...bytes }, 'sends to connection 3: 3 bytes "hi\\n"']],
  ended: [
    [{ kind: 'ended', connection: 3, reset: false }, 'closes connection 3'],
    [{ kind: 'ended', connection: 3, reset: true }, 'closes connection 3 by a reset'],
  ],
  timerSet: [
    [
      { kind: 'timerSet', timer: 7, handler: 'Chat.beat', delay: 50, repeats: true },
      'sets timer 7 (Chat.beat) every 50 ms',
    ],
    [
      { kind: 'timerSet', timer: 7, handler: 'Chat.beat', delay: 50, repeats: false },
      'sets timer 7 (Chat.beat) in 50 ms',
    ],
  ],
  timerCleared: [[{ kind: 'timerCleared', timer: 7 }, 'timer 7 is over']],
  holds: [[{ kind: 'holds', timers: [1, 2] }, 'is the one that runs timers 1, 2']],
  releases: [[{ kind: 'releases' }, 'is not the one that runs timers any more']],
  connects: [
    [{ kind: 'connects', client: 0, address: '10.0.0.7', port: 4000 }, 'connects from 10.0.0.7:4000'],
  ],
  sends: [[{ kind: 'sends', client: 0, ...bytes }, 'sends 3 bytes "hi\\n"']],
  receives: [[{ kind: 'receives', client: 0, ...bytes }, 'receives 3 bytes "hi\\n"']],
  ends: [[{ kind: 'ends', client: 0 }, 'ends']],
  resets: [[{ kind: 'resets', client: 0 }, 'resets']],
  pauses: [[{ kind: 'pauses', client: 0 }, 'pauses']],
  resumes: [[{ kind: 'resumes', client: 0 }, 'resumes']],
  seesEnd: [[{ kind: 'seesEnd', client: 0 }, 'sees that the server has finished writing']],
  seesClose: [[{ kind: 'seesClose', client: 0 }, 'sees the close']],
  signalled: [[{ kind: 'signalled', target: 1000, signal: 'SIGTERM' }, 'sends SIGTERM to pid 1000']],
  taskPosted: [
    [{ kind: 'taskPosted', task: 5, name: '', to: -1, bytes: 9 }, 'posts task 5, 9 bytes'],
    [
      { kind: 'taskPosted', task: 5, name: 'resize', to: 2, bytes: 9 },
      'posts task 5 (resize), 9 bytes, for worker 2',
    ],
  ],
  taskGiven: [
    [{ kind: 'taskGiven', task: 5, to: 2, attempt: 1 }, 'gives task 5 to worker 2'],
    [{ kind: 'taskGiven', task: 5, to: 2, attempt: 2 }, 'gives task 5 to worker 2, attempt 2'],
  ],
  taskReturned: [
    [{ kind: 'taskReturned', task: 5, from: 2 }, 'takes task 5 back from worker 2, which has not started it'],
  ],
  taskRetried: [
    [
      { kind: 'taskRetried', task: 5, attempt: 2 },
      'takes task 5 back from a worker that is lost, for attempt 2',
    ],
  ],
  taskResult: [[{ kind: 'taskResult', task: 5, data: 'hi' }, 'hears a result of task 5: "hi"']],
  taskOver: [
    [{ kind: 'taskOver', task: 5, outcome: 'finished' }, 'task 5 is over: finished'],
    [
      { kind: 'taskOver', task: 5, outcome: 'failed', code: 'TASK_WORKER_LOST' },
      'task 5 is over: failed, TASK_WORKER_LOST',
    ],
  ],
  taskStarted: [
    [
      { kind: 'taskStarted', poster: 10, task: 5, name: '', attempt: 1 },
      'starts task 5 of pid 10, attempt 1',
    ],
  ],
  taskAnswered: [
    [
      { kind: 'taskAnswered', poster: 10, task: 5, failed: false, data: 'hi' },
      'answers task 5 of pid 10: "hi"',
    ],
    [
      { kind: 'taskAnswered', poster: 10, task: 5, failed: true, data: 'no' },
      'answers task 5 of pid 10 with an error: "no"',
    ],
  ],
  taskSettled: [[{ kind: 'taskSettled', poster: 10, task: 5 }, 'has settled task 5 of pid 10']],
  messagePosted: [
    [
      { kind: 'messagePosted', message: 4, to: 2, bytes: 9, wantsReply: false },
      'sends message 4 to worker 2, 9 bytes',
    ],
    [
      { kind: 'messagePosted', message: 4, to: 2, bytes: 9, wantsReply: true },
      'sends message 4 to worker 2, 9 bytes, and wants a reply',
    ],
  ],
  messageTaken: [
    [{ kind: 'messageTaken', message: 4, to: 2 }, 'hears that message 4 to worker 2 is started'],
  ],
  messageGivenUp: [[{ kind: 'messageGivenUp', message: 4, to: 2 }, 'gives message 4 to worker 2 up']],
  messageStarted: [[{ kind: 'messageStarted', message: 4, from: 10, to: 2 }, 'starts message 4 of pid 10']],
  fault: [[{ kind: 'fault', fault: { kind: 'crashManager', at: 2 } }, 'fault: the manager dies at 2 ms']],
};

const faults: readonly [Fault, string][] = [
  [
    { kind: 'crashWorker', at: 12.5, workerId: 0, when: 'now' },
    'worker 0 dies between two events, from 12.5 ms on',
  ],
  [
    { kind: 'crashWorker', at: 12.5, workerId: 0, when: 'started' },
    'worker 0 dies when it has just started a handler, from 12.5 ms on',
  ],
  [
    { kind: 'crashWorker', at: 12.5, workerId: 0, when: 'sent' },
    'worker 0 dies when a handler has just sent something, from 12.5 ms on',
  ],
  [
    { kind: 'crashWorker', at: 12.5, workerId: 0, when: 'settled' },
    'worker 0 dies when a handler has just settled, from 12.5 ms on',
  ],
  [
    { kind: 'crashWorker', at: 12.5, workerId: 0, when: 'write' },
    'worker 0 dies inside a write, from 12.5 ms on',
  ],
  [{ kind: 'crashManager', at: 3 }, 'the manager dies at 3 ms'],
  [{ kind: 'hangWorker', at: 3, workerId: 1, ms: 20 }, 'worker 1 is blocked for 20 ms at 3 ms'],
  [{ kind: 'slowPipes', at: 3, workerId: 1, ms: 20 }, 'the pipes of worker 1 are slow by 20 ms from 3 ms on'],
  [{ kind: 'stall', at: 3, client: 2, ms: 20 }, 'the link of client 2 stalls for 20 ms at 3 ms'],
  [
    { kind: 'shape', at: 3, client: 2, link: { latency: 9 } },
    'the link of client 2 is {"latency":9} from 3 ms on',
  ],
  [{ kind: 'reset', at: 3, client: 2 }, 'the connection of client 2 breaks at 3 ms'],
];

const at = (fact: TracedKind, time = 102.375): TraceEvent => ({
  time,
  pid: 10,
  process: 'worker 1',
  ...fact,
});

describe('Text of a trace', () => {
  for (const [kind, sentences] of Object.entries(examples)) {
    it(`has a sentence for ${kind}`, () => {
      for (const [fact, sentence] of sentences)
        expect(describeEvent(at(fact))).to.equal(`  102.375 worker 1: ${sentence}`);
    });
  }

  it('has a sentence for every fault', () => {
    for (const [fault, sentence] of faults) expect(describeFault(fault)).to.equal(sentence);
  });

  it('counts time from an origin', () => {
    expect(describeEvent(at({ kind: 'spawned' }), 100)).to.equal('    2.375 worker 1: is spawned, pid 10');
  });

  it('shows 60 characters of bytes, and cuts one more', () => {
    const sends = (data: string): string =>
      describeEvent(at({ kind: 'sends', client: 0, bytes: data.length, data }));
    expect(sends('x'.repeat(60))).to.include(`60 bytes "${'x'.repeat(60)}"`);
    expect(sends('x'.repeat(61))).to.include(`61 bytes "${'x'.repeat(60)}…"`);
  });

  describe('of its end', () => {
    const trace = (count: number): TraceEvent[] =>
      Array.from({ length: count }, (_, index) => at({ kind: 'timerCleared', timer: index }, 1_000 + index));

    it('shows all of a short one', () => {
      expect(lastEvents(trace(2))).to.equal(
        [
          'all 2 events of the trace:',
          '      0.000 worker 1: timer 0 is over',
          '      1.000 worker 1: timer 1 is over',
        ].join('\n'),
      );
      expect(lastEvents(trace(15))).to.match(/^all 15 events of the trace:\n/);
    });

    it('shows the last 15 of a longer one, with the times since its beginning', () => {
      const lines = lastEvents(trace(16)).split('\n');
      expect(lines[0]).to.equal('the last 15 of 16 events:');
      expect(lines[1]).to.equal('      1.000 worker 1: timer 1 is over');
      expect(lines.length).to.equal(16);
    });

    it('shows as many as are asked for', () => {
      expect(lastEvents(trace(9), 3).split('\n').length).to.equal(4);
    });

    it('says so when there is none', () => {
      expect(lastEvents([])).to.equal('nothing was traced');
    });
  });

  it('calls processes by their role', () => {
    expect(shortTitle('shoal ChatApp: worker 0')).to.equal('worker 0');
    expect(shortTitle('shoal a: b: worker 0')).to.equal('b: worker 0');
    expect(shortTitle('client 0')).to.equal('client 0');
  });
});
