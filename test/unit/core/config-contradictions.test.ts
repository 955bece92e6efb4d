import { expect } from 'chai';
import { ConfigProblems, loadSettings } from '@shoal/core/internal/config/load';
import { delimiter, lengthPrefix, tcp, udp } from '@shoal/core/internal/config/listeners';

function linesOf(input: unknown): string[] {
  try {
    loadSettings(input, { cpus: 4, name: 'echo', directory: '/' });
  } catch (error) {
    if (!(error instanceof ConfigProblems)) throw error;
    return error.problems.map(({ path, found, reason, remedy }) => `${path}: ${found} ${reason}; ${remedy}`);
  }
  return [];
}

const pathsOf = (input: unknown) => linesOf(input).map((line) => line.slice(0, line.indexOf(':')));

describe('Options that contradict each other', () => {
  it('logFile and pidFile are two files, however they are written', () => {
    const listeners = [tcp({ port: 80 })];
    expect(linesOf({ listeners, logFile: '/var/chat', pidFile: '../var/./chat' })).to.deep.equal([
      "pidFile: '../var/./chat' is the logFile too; name another file",
    ]);
    expect(linesOf({ listeners, logFile: '/var/chat.log', pidFile: '/var/chat.pid' })).to.deep.equal([]);
  });

  it('ipv6Only needs an IPv6 address', () => {
    const listen = (host: string) => ({ listeners: [udp({ port: 80, host, ipv6Only: true })] });
    expect(linesOf(listen('0.0.0.0'))).to.deep.equal([
      "listeners[0].ipv6Only: true has no effect, because 0.0.0.0 is no address of IPv6; write host: '::', or remove it",
    ]);
    expect(linesOf(listen('::'))).to.deep.equal([]);
  });

  it('ports of streams and of datagrams are different ones, and names are not', () => {
    expect(linesOf({ listeners: [tcp({ port: 80 }), udp({ port: 80 })] })).to.deep.equal([]);
    expect(linesOf({ listeners: [udp({ port: 80 }), udp({ port: 80 })] })).to.deep.equal([
      'listeners[1].port: 80 makes the same address as listeners[0], 0.0.0.0:80/udp; write another port or host',
    ]);
    expect(
      pathsOf({ listeners: [tcp({ port: 80, name: 'x' }), udp({ port: 81, name: 'x' })] }),
    ).to.deep.equal(['listeners[1].name']);
  });

  it('group needs a user', () => {
    const listeners = [tcp({ port: 80 })];
    expect(linesOf({ listeners, group: 'chat' })).to.deep.equal([
      "group: 'chat' has no user beside it; write user as well, or remove it",
    ]);
    expect(linesOf({ listeners, user: 'chat', group: 'chat' })).to.deep.equal([]);
  });

  it('enableUnsafeEvent needs a dispatch mode that has no ordered events, or base mode', () => {
    const listeners = [tcp({ port: 80 })];
    for (const dispatchMode of ['fixed', 'ipHash', 'leastConnections'])
      expect(linesOf({ listeners, dispatchMode, enableUnsafeEvent: true })).to.deep.equal([
        `enableUnsafeEvent: true has no effect, because dispatchMode '${dispatchMode}' delivers connect and close in order; remove it`,
      ]);
    for (const dispatchMode of ['roundRobin', 'preemptive', 'leastInFlight'])
      expect(linesOf({ listeners, dispatchMode, enableUnsafeEvent: true })).to.deep.equal([]);
    expect(linesOf({ listeners, mode: 'base', workerNum: 2, enableUnsafeEvent: true })).to.deep.equal([]);
  });

  it('enableDelayReceive needs a connect, with or without order', () => {
    const listeners = [tcp({ port: 80, enableDelayReceive: true })];
    for (const dispatchMode of ['roundRobin', 'preemptive', 'leastInFlight']) {
      expect(linesOf({ listeners, dispatchMode })).to.deep.equal([
        `listeners[0].enableDelayReceive: true waits for @OnConnect, which dispatchMode '${dispatchMode}' does not have; remove it, or write enableUnsafeEvent: true or dispatchMode: 'fixed'`,
      ]);
      expect(linesOf({ listeners, dispatchMode, enableUnsafeEvent: true })).to.deep.equal([]);
    }
    for (const dispatchMode of ['fixed', 'ipHash', 'leastConnections'])
      expect(linesOf({ listeners, dispatchMode })).to.deep.equal([]);
  });

  describe('listeners', () => {
    it('share no address', () => {
      expect(
        linesOf({
          listeners: [tcp({ port: 80, host: 'A.example' }), tcp({ port: 80, host: 'a.example', name: 'b' })],
        }),
      ).to.deep.equal([
        'listeners[1].port: 80 makes the same address as listeners[0], a.example:80; write another port or host',
      ]);
      expect(
        linesOf({ listeners: [tcp({ port: 80 }), tcp({ port: 81 }), tcp({ port: 80, host: '::' })] }),
      ).to.deep.equal([]);
    });

    it('without names on one address are one problem each', () => {
      expect(pathsOf({ listeners: [tcp({ port: 80 }), tcp({ port: 80 }), tcp({ port: 80 })] })).to.deep.equal(
        ['listeners[1].port', 'listeners[2].port'],
      );
    });

    it('share no name, given or derived', () => {
      expect(
        linesOf({ listeners: [tcp({ port: 1, name: 'a' }), tcp({ port: 2, name: 'a' })] }),
      ).to.deep.equal([
        "listeners[1].name: 'a' is the name of listeners[0] too; give one of them another name",
      ]);
      expect(pathsOf({ listeners: [tcp({ port: 1 }), tcp({ port: 2, name: '0.0.0.0:1' })] })).to.deep.equal([
        'listeners[1].name',
      ]);
    });

    it('on free ports share the port 0 and need names', () => {
      expect(pathsOf({ listeners: [tcp({ port: 0 }), tcp({ port: 0 })] })).to.deep.equal([
        'listeners[1].name',
      ]);
      expect(linesOf({ listeners: [tcp({ port: 0 }), tcp({ port: 0, name: 'b' })] })).to.deep.equal([]);
    });
  });

  it('of limits and sockets are told where they were written', () => {
    const tcp = { type: 'tcp', port: 1 } as const;
    const unix = { type: 'unix', path: '/run/a' } as const;
    const told = (input: object): string[] =>
      linesOf(input).map((line) => line.replace(/(: ).*? (has no|makes)/, '$1$2').split(';')[0]!);
    expect(
      told({ listeners: [tcp], connectRateInterval: 5_000, keepAlive: false, keepAliveIdle: 9_000 }),
    ).to.deep.equal([
      'connectRateInterval: has no effect, because connectRate is 0',
      'keepAliveIdle: has no effect, because keepAlive is false',
    ]);
    expect(told({ listeners: [{ ...tcp, connectRate: 1 }], connectRateInterval: 5_000 })).to.deep.equal([]);
    expect(told({ listeners: [{ ...tcp, connectRateInterval: 5_000 }, unix] })).to.deep.equal([
      'listeners[0].connectRateInterval: has no effect, because connectRate is 0',
    ]);
    expect(told({ listeners: [{ ...tcp, host: '127.0.0.1', ipv6Only: true }] })).to.deep.equal([
      'listeners[0].ipv6Only: has no effect, because 127.0.0.1 is no address of IPv6',
    ]);
    expect(told({ listeners: [{ ...tcp, host: '::', ipv6Only: true }] })).to.deep.equal([]);
    expect(told({ listeners: [unix, { ...unix, name: 'b' }] })).to.deep.equal([
      'listeners[1].path: makes the same address as listeners[0], /run/a',
    ]);
  });

  describe('heartbeatCheckInterval', () => {
    const heartbeat = (heartbeatCheckInterval: number, ...idleTimes: number[]) =>
      linesOf({
        heartbeatCheckInterval,
        listeners: idleTimes.map((heartbeatIdleTime, index) => tcp({ port: index + 1, heartbeatIdleTime })),
      });

    it('is at most the smallest idle time', () => {
      expect(heartbeat(5_000, 60_000, 0, 5_000)).to.deep.equal([]);
      expect(heartbeat(5_001, 60_000, 0, 5_000)).to.deep.equal([
        'heartbeatCheckInterval: 5001 is above the smallest heartbeatIdleTime (5000 ms); write at most 5000, or remove it for half of that',
      ]);
    });

    it('is not set where no listener has an idle time', () => {
      expect(heartbeat(5_000, 0)).to.deep.equal([
        'heartbeatCheckInterval: 5000 has no effect, because no listener has a heartbeatIdleTime; set heartbeatIdleTime, or remove it',
      ]);
      expect(heartbeat(0, 0)).to.deep.equal([]);
    });

    it('is not off where a listener has an idle time', () => {
      expect(heartbeat(0, 5_000)).to.deep.equal([
        'heartbeatCheckInterval: 0 turns off the check that heartbeatIdleTime needs; remove it, or set heartbeatIdleTime: 0',
      ]);
    });
  });

  describe('bounds of one connection', () => {
    const listeners = [tcp({ port: 1 })];

    it('are at most the bound on all of them', () => {
      expect(linesOf({ listeners, maxQueuedBytes: 65_536, pipeWindow: 65_536 })).to.deep.equal([]);
      expect(linesOf({ listeners, maxQueuedBytes: 65_537, pipeWindow: 65_536 })).to.deep.equal([
        'maxQueuedBytes: 65537 is above pipeWindow (64 KiB); write at most 65_536, or raise pipeWindow',
      ]);
      const limited = { listeners, reactorMemoryLimit: '1MiB' };
      expect(linesOf({ ...limited, socketBufferSize: 1_048_576, packageMaxLength: 1_048_576 })).to.deep.equal(
        [],
      );
      expect(pathsOf({ ...limited, socketBufferSize: 1_048_577, packageMaxLength: 1_048_577 })).to.deep.equal(
        ['packageMaxLength', 'socketBufferSize'],
      );
    });

    it('are told at the listener that set them', () => {
      expect(
        linesOf({ listeners: [tcp({ port: 1 }), tcp({ port: 2, socketBufferSize: '1GiB' })] }),
      ).to.deep.equal([
        "listeners[1].socketBufferSize: '1GiB' is above reactorMemoryLimit (256 MiB); write at most 268_435_456, or raise reactorMemoryLimit",
      ]);
    });
  });

  describe('framing', () => {
    const framed = (framing: object, packageMaxLength: number) => ({
      listeners: [{ type: 'tcp', port: 1, framing, packageMaxLength }],
    });

    it('has a delimiter that fits into a packet', () => {
      expect(linesOf(framed(delimiter('\r\n\r\n'), 4))).to.deep.equal([]);
      expect(linesOf(framed(delimiter('\r\n\r\n'), 3))).to.deep.equal([
        'listeners[0].framing.bytes: an array of 4 is longer than packageMaxLength (3 bytes); raise packageMaxLength to more than 4',
      ]);
    });

    it('has a header that fits into a packet', () => {
      expect(linesOf(framed(lengthPrefix({ lengthOffset: 2 }), 6))).to.deep.equal([]);
      expect(linesOf(framed(lengthPrefix({ lengthOffset: 2 }), 5))).to.deep.equal([
        'listeners[0].framing.lengthOffset: 2 puts the end of the header at byte 6, beyond packageMaxLength (5 bytes); lower it, or raise packageMaxLength to at least 6',
      ]);
    });

    it('has a body that begins within a packet', () => {
      expect(linesOf(framed(lengthPrefix({ bodyOffset: 10 }), 10))).to.deep.equal([]);
      expect(linesOf(framed(lengthPrefix({ bodyOffset: 10 }), 9))).to.deep.equal([
        'listeners[0].framing.bodyOffset: 10 makes every packet at least 10 bytes long, beyond packageMaxLength (9 bytes); lower it, or raise packageMaxLength to at least 10',
      ]);
    });

    it('has a number that can count up to the end of its own header', () => {
      expect(
        linesOf(framed(lengthPrefix({ type: 'int8', lengthOffset: 126, bodyOffset: 0 }), 999)),
      ).to.deep.equal([]);
      expect(
        linesOf(framed(lengthPrefix({ type: 'int8', lengthOffset: 127, bodyOffset: 0 }), 999)),
      ).to.deep.equal([
        "listeners[0].framing.type: 'int8' counts up to 127, so that with bodyOffset 0 no packet reaches the end of its own header (byte 128); write a wider type, or bodyOffset: 128",
      ]);
    });

    it('is measured by the packageMaxLength of the server where the listener has none', () => {
      const input = { packageMaxLength: 3, listeners: [tcp({ port: 1, framing: lengthPrefix() })] };
      expect(pathsOf(input)).to.deep.equal(['listeners[0].framing.lengthOffset']);
    });
  });

  describe('workerTimeout', () => {
    it('is off for a single worker in base mode, which nobody watches', () => {
      const single = { mode: 'base', workerNum: 1, listeners: [tcp({ port: 1 })] };
      expect(linesOf({ ...single, workerTimeout: '10s' })).to.deep.equal([
        "workerTimeout: '10s' cannot act, because a single worker in base mode has no process that watches and replaces it; write 0, or workerNum: 2",
      ]);
      expect(linesOf({ ...single, workerTimeout: 0 })).to.deep.equal([]);
      expect(linesOf({ ...single, workerNum: 2, workerTimeout: '10s' })).to.deep.equal([]);
    });
  });

  it('are told beside the problems of single options', () => {
    expect(
      pathsOf({
        reactorNum: 0,
        heartbeatCheckInterval: '5s',
        listeners: [tcp({ port: 1 }), tcp({ port: 1 })],
      }),
    ).to.deep.equal(['reactorNum', 'heartbeatCheckInterval', 'listeners[1].port']);
  });

  it('are not looked for in values that do not hold by themselves', () => {
    expect(
      pathsOf({ heartbeatCheckInterval: '5s', listeners: [tcp({ port: 1, heartbeatIdleTime: 60 })] }),
    ).to.deep.equal(['listeners[0].heartbeatIdleTime']);
    expect(pathsOf({ heartbeatCheckInterval: '5s', listeners: 'tcp' })).to.deep.equal(['listeners']);
    expect(pathsOf({ pipeWindow: 1, maxQueuedBytes: '1MiB', listeners: [tcp({ port: 1 })] })).to.deep.equal([
      'pipeWindow',
    ]);
    expect(
      pathsOf({ packageMaxLength: 0, listeners: [tcp({ port: 1, framing: lengthPrefix() })] }),
    ).to.deep.equal(['packageMaxLength']);
    expect(pathsOf({ listeners: [tcp({ port: -1 }), tcp({ port: -1 })] })).to.deep.equal([
      'listeners[0].port',
      'listeners[1].port',
    ]);
  });

  describe('the marks of output', () => {
    const listeners = [tcp({ port: 80 })];

    it('lie within socketBufferSize, the low one below the high one', () => {
      expect(linesOf({ listeners, socketBufferSize: 2_000, bufferHighWatermark: 2_001 })).to.deep.equal([
        'bufferHighWatermark: 2001 is above socketBufferSize (2000 bytes); write at most 2000, or raise socketBufferSize',
      ]);
      expect(linesOf({ listeners, socketBufferSize: 2_000, bufferHighWatermark: 2_000 })).to.deep.equal([]);
      expect(linesOf({ listeners, bufferHighWatermark: 500, bufferLowWatermark: 500 })).to.deep.equal([
        'bufferLowWatermark: 500 is not below bufferHighWatermark (500 bytes); write at most 499, or raise bufferHighWatermark',
      ]);
      expect(linesOf({ listeners, bufferHighWatermark: 500, bufferLowWatermark: 499 })).to.deep.equal([]);
    });

    it('follow the bound of a listener where nobody has written one, and are told where they do not fit it', () => {
      expect(linesOf({ listeners: [tcp({ port: 80, socketBufferSize: 2_000 })] })).to.deep.equal([]);
      expect(
        pathsOf({ listeners: [tcp({ port: 80, socketBufferSize: 2_000 })], bufferHighWatermark: 3_000 }),
      ).to.deep.equal(['listeners[0].bufferHighWatermark']);
      expect(
        pathsOf({ listeners: [tcp({ port: 80, socketBufferSize: 2_000 })], bufferLowWatermark: 1_600 }),
      ).to.deep.equal(['listeners[0].bufferLowWatermark']);
    });

    it('enableDelayReceive needs a mode in which somebody hears of the connection', () => {
      const late = [tcp({ port: 80, enableDelayReceive: true })];
      expect(linesOf({ listeners: late, dispatchMode: 'roundRobin' })).to.deep.equal([
        "listeners[0].enableDelayReceive: true waits for @OnConnect, which dispatchMode 'roundRobin' does not have; remove it, or write enableUnsafeEvent: true or dispatchMode: 'fixed'",
      ]);
      expect(linesOf({ listeners: late })).to.deep.equal([]);
      expect(
        linesOf({ listeners: late, mode: 'base', workerNum: 2, dispatchMode: 'roundRobin' }),
      ).to.deep.equal([]);
    });
  });
});
