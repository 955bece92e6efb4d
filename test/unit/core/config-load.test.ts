import { expect } from 'chai';
import fc from 'fast-check';
import {
  ConfigProblems,
  loadSettings,
  type Problem,
  type Settings,
  type SettingsInput,
  type TcpListenerSettings,
} from '@shoal/core/internal/config/load';
import { streamListener } from '@shoal/core/internal/config/limits';
import { custom, delimiter, lengthPrefix, raw, tcp, udp } from '@shoal/core/internal/config/listeners';
import { ConfigError } from '@shoal/core/internal/errors';

const environment = { cpus: 4, name: 'echo', directory: '/srv/echo' };
const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;
const longest = 2 ** 31 - 1;

function load(input: unknown, cpus = environment.cpus): Settings {
  return loadSettings(input, { ...environment, cpus });
}

function problemsOf(input: unknown): readonly Problem[] {
  try {
    load(input);
  } catch (error) {
    if (error instanceof ConfigProblems) return error.problems;
    throw error;
  }
  return [];
}

const listeners = [tcp({ port: 9501 })];

function withServer(options: object): object {
  return { listeners, ...options };
}

function withListener(options: object): object {
  return { listeners: [{ type: 'tcp', port: 9501, ...options }] };
}

function withPrefix(options: object): object {
  return withListener({ framing: { kind: 'lengthPrefix', ...options } });
}

describe('loadSettings', () => {
  it('fills in every default', () => {
    expect(load({ listeners: [tcp({ port: 9501 })] })).to.deep.equal({
      name: 'echo',
      mode: 'process',
      listeners: [
        {
          type: 'tcp',
          name: '0.0.0.0:9501',
          host: '0.0.0.0',
          port: 9501,
          framing: { kind: 'raw' },
          packageMaxLength: 2 * MiB,
          maxQueuedBytes: 256 * KiB,
          socketBufferSize: 8 * MiB,
          bufferHighWatermark: 6_710_886,
          bufferLowWatermark: 0,
          outputOverflow: 'close',
          ipv6Only: false,
          reusePort: false,
          heartbeatIdleTime: 0,
          partialPacketTimeout: 0,
          maxIdleTime: 0,
          maxConnectionPerAddress: 0,
          connectRate: 0,
          connectRateInterval: 1_000,
          handlerTimeout: 0,
          concurrency: 1,
          onWorkerLost: 'redeliver',
          backlog: 512,
          noDelay: true,
          enableDelayReceive: false,
          keepAlive: true,
          keepAliveIdle: 60_000,
        },
      ],
      reactorNum: 4,
      workerNum: 4,
      taskWorkerNum: 0,
      taskIpcMode: 'socket',
      messageQueueKey: 'echo',
      taskDurability: 'interval',
      taskSyncInterval: 100,
      taskRetries: 1,
      taskQueueLimit: 10_000,
      taskQueuePolicy: 'wait',
      dispatchMode: 'fixed',
      enableUnsafeEvent: false,
      maxWaitTime: 10_000,
      lameDuck: 0,
      bootTimeout: 30_000,
      bakeTime: 300,
      maxUnavailable: 1,
      standbyNum: 0,
      maxRequest: 0,
      maxRequestGrace: 0,
      taskMaxRequest: 0,
      taskMaxRequestGrace: 0,
      taskConcurrency: 1,
      taskMaxLength: 64 * 1024 * 1024,
      taskSpoolSize: 512 * 1024,
      maxMemory: 0,
      maxGroups: 100_000,
      maxGroupsPerConnection: 100,
      maxBootFailures: 5,
      workerTimeout: 30_000,
      heartbeatCheckInterval: 0,
      maxConnection: 100_000,
      pipeWindow: 4 * MiB,
      reactorMemoryLimit: 256 * MiB,
      logLevel: 'info',
      packageMaxLength: 2 * MiB,
      maxQueuedBytes: 256 * KiB,
      socketBufferSize: 8 * MiB,
      bufferHighWatermark: 6_710_886,
      bufferLowWatermark: 0,
      outputOverflow: 'close',
      heartbeatIdleTime: 0,
      partialPacketTimeout: 0,
      maxIdleTime: 0,
      maxConnectionPerAddress: 0,
      connectRate: 0,
      connectRateInterval: 1_000,
      handlerTimeout: 0,
      concurrency: 1,
      onWorkerLost: 'redeliver',
      backlog: 512,
      noDelay: true,
      enableDelayReceive: false,
      keepAlive: true,
      keepAliveIdle: 60_000,
      daemonize: false,
    });
  });

  it('makes the path of a file absolute, from the working directory on', () => {
    expect(load(withServer({ logFile: 'log/echo.log' })).logFile).to.equal('/srv/echo/log/echo.log');
    expect(load(withServer({ logFile: '../echo.log' })).logFile).to.equal('/srv/echo.log');
    expect(load(withServer({ logFile: '/var/log/echo.log' })).logFile).to.equal('/var/log/echo.log');
    expect(load(withServer({}))).to.not.have.property('logFile');
  });

  it('keeps what the user wrote', () => {
    const input: SettingsInput = {
      name: 'chat',
      mode: 'base',
      listeners: [tcp({ port: 1, host: '::1', name: 'admin', framing: delimiter('\r\n', { strip: true }) })],
      reactorNum: 2,
      workerNum: 3,
      taskWorkerNum: 1,
      dispatchMode: 'roundRobin',
      maxWaitTime: '5s',
      bootTimeout: '1m',
      maxBootFailures: 2,
      workerTimeout: 0,
      pipeWindow: '1MiB',
      reactorMemoryLimit: '1GiB',
      logLevel: 'debug',
      runtimeDirectory: '/run/chat',
    };
    const settings = load(input);
    expect(settings).to.include({
      name: 'chat',
      mode: 'base',
      reactorNum: 2,
      workerNum: 3,
      taskWorkerNum: 1,
      dispatchMode: 'roundRobin',
      maxWaitTime: 5_000,
      bootTimeout: 60_000,
      maxBootFailures: 2,
      workerTimeout: 0,
      pipeWindow: MiB,
      reactorMemoryLimit: GiB,
      logLevel: 'debug',
      runtimeDirectory: '/run/chat',
    });
    expect(settings.listeners[0]).to.deep.include({
      name: 'admin',
      host: '::1',
      framing: { kind: 'delimiter', bytes: [13, 10], strip: true },
    });
  });

  it('takes undefined for an option that is absent', () => {
    const input = withServer({ workerNum: undefined, backlog: undefined, runtimeDirectory: undefined });
    expect(load(input)).to.deep.equal(load({ listeners }));
  });

  it('gives a listener the values of the server unless it has its own', () => {
    const { listeners: loaded } = load({
      packageMaxLength: '64KiB',
      maxQueuedBytes: 2048,
      socketBufferSize: '1MiB',
      heartbeatIdleTime: '60s',
      concurrency: 8,
      backlog: 16,
      noDelay: false,
      listeners: [
        tcp({ port: 1 }),
        tcp({
          port: 2,
          packageMaxLength: 100,
          maxQueuedBytes: 4096,
          socketBufferSize: 8192,
          heartbeatIdleTime: 0,
          handlerTimeout: 0,
          concurrency: 1,
          backlog: 1,
          noDelay: true,
        }),
      ],
    });
    expect(loaded[0]).to.include({
      packageMaxLength: 64 * KiB,
      maxQueuedBytes: 2048,
      socketBufferSize: MiB,
      heartbeatIdleTime: 60_000,
      concurrency: 8,
      backlog: 16,
      noDelay: false,
    });
    expect(loaded[1]).to.include({
      packageMaxLength: 100,
      maxQueuedBytes: 4096,
      socketBufferSize: 8192,
      heartbeatIdleTime: 0,
      handlerTimeout: 0,
      concurrency: 1,
      backlog: 1,
      noDelay: true,
    });
  });

  it('names a listener by its address, an IPv6 host in brackets', () => {
    const { listeners: loaded } = load({ listeners: [tcp({ port: 1 }), tcp({ host: '::', port: 2 })] });
    expect(loaded.map(({ name }) => name)).to.deep.equal(['0.0.0.0:1', '[::]:2']);
  });

  it('makes one worker for each CPU and at most 8 reactors', () => {
    const counts = [1, 8, 9, 5_000].map((cpus) => {
      const { reactorNum, workerNum } = load({ listeners }, cpus);
      return [reactorNum, workerNum];
    });
    expect(counts).to.deep.equal([
      [1, 1],
      [8, 8],
      [8, 9],
      [8, 1_000],
    ]);
  });

  it('looks for idle connections at half of the smallest idle time, and not more often than once a second', () => {
    const interval = (...idleTimes: number[]) =>
      load({
        listeners: idleTimes.map((heartbeatIdleTime, index) => tcp({ port: index + 1, heartbeatIdleTime })),
      }).heartbeatCheckInterval;
    expect(interval(60_000, 0, 30_000)).to.equal(15_000);
    expect(interval(2_003)).to.equal(1_001);
    expect(interval(1_000)).to.equal(1_000);
    expect(interval(0, 0)).to.equal(0);
  });

  it('lowers default bounds of one connection to the bound on all of them', () => {
    expect(load(withServer({ pipeWindow: '64KiB' })).listeners[0]).to.include({ maxQueuedBytes: 64 * KiB });
    expect(load(withServer({ reactorMemoryLimit: '1MiB' })).listeners[0]).to.include({
      packageMaxLength: MiB,
      socketBufferSize: MiB,
    });
  });

  it('watches no single worker in base mode', () => {
    expect(load(withServer({ mode: 'base', workerNum: 1 })).workerTimeout).to.equal(0);
    expect(load(withServer({ mode: 'base', workerTimeout: '10s' }), 1).workerTimeout).to.equal(0);
    expect(load(withServer({ mode: 'base', workerNum: 1, taskWorkerNum: 1 })).workerTimeout).to.equal(30_000);
    expect(load(withServer({ mode: 'base', workerNum: 2 })).workerTimeout).to.equal(30_000);
    expect(load(withServer({ workerNum: 1 })).workerTimeout).to.equal(30_000);
  });

  it('takes the numbers of the reference server for words', () => {
    expect(load(withServer({ mode: 2, dispatchMode: 2, logLevel: 4 }))).to.include({
      mode: 'process',
      dispatchMode: 'fixed',
      logLevel: 'warn',
    });
    expect(load(withServer({ mode: 1, dispatchMode: 1, logLevel: 0 }))).to.include({
      mode: 'base',
      dispatchMode: 'roundRobin',
      logLevel: 'debug',
    });
  });

  it('takes each dispatch mode by its number', () => {
    const modes = Object.entries({
      roundRobin: 1,
      fixed: 2,
      preemptive: 3,
      ipHash: 4,
      uid: 5,
      leastConnections: 8,
      leastInFlight: 9,
    });
    for (const [word, number] of modes)
      for (const dispatchMode of [word, number])
        expect(load(withServer({ dispatchMode })).dispatchMode).to.equal(word);
  });

  it('takes a dispatch module as a URL or as its text, and leaves it out where there is none', () => {
    const url = new URL('file:///srv/echo/dispatch.js');
    for (const dispatchModule of [url, url.href])
      expect(load(withServer({ dispatchModule })).dispatchModule).to.equal('file:///srv/echo/dispatch.js');
    expect(load({ listeners })).to.not.have.property('dispatchModule');
    expect(problemsOf(withServer({ dispatchModule: './dispatch.js' }))).to.deep.equal([
      {
        path: 'dispatchModule',
        found: "'./dispatch.js'",
        reason: 'is not a URL',
        remedy: "write a file: URL such as new URL('./dispatch.js', import.meta.url)",
      },
    ]);
  });

  it('refuses what is no dispatch mode by word and by number', () => {
    for (const dispatchMode of ['sticky', 6])
      expect(problemsOf(withServer({ dispatchMode }))[0]?.reason).to.equal('is none of its words');
  });

  it('proposes the word that was probably meant', () => {
    const [problem] = problemsOf(withServer({ dispatchMode: 'round_robin' }));
    expect(problem?.remedy).to.match(/^did you mean 'roundRobin'\? It takes 'fixed', 'roundRobin', /);
  });
});

describe('Listeners of datagrams', () => {
  it('have defaults, and take over what the server has of their options', () => {
    const bare = { type: 'udp', host: '0.0.0.0', port: 53, ipv6Only: false };
    expect(load({ listeners: [udp({ port: 53 })] }).listeners).to.deep.equal([
      {
        ...bare,
        name: '0.0.0.0:53/udp',
        maxQueuedBytes: 256 * KiB,
        handlerTimeout: 0,
        onWorkerLost: 'redeliver',
      },
    ]);
    const server = { maxQueuedBytes: '1MiB', handlerTimeout: '5s', onWorkerLost: 'close' };
    const own = udp({ port: 53, name: 'dns', recvBufferSize: '4MiB', onWorkerLost: 'redeliver' });
    expect(
      load({ listeners: [udp({ port: 53, name: 'a', host: '::' }), { ...own, port: 54 }], ...server })
        .listeners,
    ).to.deep.equal([
      { ...bare, name: 'a', host: '::', maxQueuedBytes: MiB, handlerTimeout: 5_000, onWorkerLost: 'drop' },
      {
        ...bare,
        name: 'dns',
        port: 54,
        recvBufferSize: 4 * MiB,
        maxQueuedBytes: MiB,
        handlerTimeout: 5_000,
        onWorkerLost: 'redeliver',
      },
    ]);
  });

  it('have bounds, and one step beyond each is refused', () => {
    const limits = {
      port: [0, 65_535],
      recvBufferSize: [4 * KiB, GiB],
      maxQueuedBytes: [KiB, GiB],
      handlerTimeout: [100, longest],
    };
    for (const [name, [least, most]] of Object.entries(limits) as [string, [number, number]][]) {
      const input = (value: number) => ({ listeners: [{ type: 'udp', port: 53, [name]: value }] });
      for (const value of [least, most])
        expect((load(input(value)).listeners[0] as unknown as Record<string, unknown>)[name], name).to.equal(
          value,
        );
      for (const value of [least - 1, most + 1])
        expect(problemsOf(input(value)).map(({ path }) => path)).to.deep.equal([`listeners[0].${name}`]);
    }
  });

  it('close no connection when a worker is lost', () => {
    const [problem] = problemsOf({ listeners: [{ type: 'udp', port: 53, onWorkerLost: 'close' }] });
    expect(problem?.path).to.equal('listeners[0].onWorkerLost');
  });
});

describe('Framing settings', () => {
  const framingOf = (input: object) => streamListener(load(input), 0).framing;

  it('have a number of four bytes, big endian, that counts the body, unless told otherwise', () => {
    expect(framingOf(withListener({ framing: lengthPrefix() }))).to.deep.equal({
      kind: 'lengthPrefix',
      type: 'uint32be',
      lengthOffset: 0,
      bodyOffset: 4,
      strip: false,
    });
  });

  it('begin the body behind the number, wherever that is', () => {
    const bodyOffset = (options: Parameters<typeof lengthPrefix>[0]) => {
      const framing = framingOf(withListener({ framing: lengthPrefix(options) }));
      return framing?.kind === 'lengthPrefix' ? framing.bodyOffset : undefined;
    };
    expect(bodyOffset({ type: 'uint16be', lengthOffset: 3 })).to.equal(5);
    expect(bodyOffset({ type: 'int64le' })).to.equal(8);
    expect(bodyOffset({ type: 'uint8', bodyOffset: 0 })).to.equal(0);
    // A message of PostgreSQL: one byte of type, then a length that counts itself.
    expect(bodyOffset({ type: 'int32be', lengthOffset: 1, bodyOffset: 1, strip: true })).to.equal(1);
  });

  it('take the letters of the reference server, with machine order as little endian', () => {
    const words = 'cCsSnvlLNVqQJP'.split('').map((type) => {
      const framing = framingOf(withPrefix({ type }));
      return framing?.kind === 'lengthPrefix' ? framing.type : undefined;
    });
    expect(words).to.deep.equal([
      'int8',
      'uint8',
      'int16le',
      'uint16le',
      'uint16be',
      'uint16le',
      'int32le',
      'uint32le',
      'uint32be',
      'uint32le',
      'int64le',
      'uint64le',
      'uint64be',
      'uint64le',
    ]);
  });

  it('name a custom module by a URL that can be loaded', () => {
    const framing = custom(new URL('file:///srv/framing.js'));
    expect(framingOf(withListener({ framing }))).to.deep.equal(framing);
    for (const module of ['./framing.js', '/srv/framing.js', 'https://example.org/framing.js', '', 7]) {
      const [problem, ...others] = problemsOf(withListener({ framing: { kind: 'custom', module } }));
      expect(others).to.deep.equal([]);
      expect(problem?.path).to.equal('listeners[0].framing.module');
      expect(problem?.remedy).to.equal("write a file: URL such as new URL('./framing.js', import.meta.url)");
    }
  });

  it('have no strip without a delimiter or header', () => {
    for (const kind of ['raw', 'custom']) {
      const framing = { kind, ...(kind === 'custom' && { module: 'file:///a.js' }), strip: true };
      expect(problemsOf(withListener({ framing })).map(({ path, reason }) => [path, reason])).to.deep.equal([
        ['listeners[0].framing.strip', `is not an option of ${kind}()`],
      ]);
    }
  });

  it('are of a kind that this version has', () => {
    const reasonOf = (framing: unknown) => problemsOf(withListener({ framing })).map(({ reason }) => reason);
    expect(reasonOf({ kind: 'websocket' })).to.deep.equal(['is not in this version']);
    expect(reasonOf({ kind: 'lines' })).to.deep.equal(['is not a kind of framing']);
    expect(reasonOf({})).to.deep.equal(['was given']);
    expect(reasonOf(raw)).to.deep.equal(['is not a framing']);
    expect(reasonOf('raw')).to.deep.equal(['is not a framing']);
    expect(reasonOf(null)).to.deep.equal(['is not a framing']);
  });
});

describe('The limits of', () => {
  interface Limit {
    readonly path: string;
    readonly least: number;
    readonly most: number;
    readonly input: (value: number) => object;
    readonly read: (settings: Settings) => unknown;
  }
  const server = (name: keyof Settings, least: number, most: number, more: object = {}): Limit => ({
    path: name,
    least,
    most,
    input: (value) => withServer({ ...more, [name]: value }),
    read: (settings) => settings[name],
  });
  const listener = (name: keyof TcpListenerSettings, least: number, most: number): Limit => ({
    path: `listeners[0].${name}`,
    least,
    most,
    input: (value) => ({
      ...withListener({ [name]: value }),
      reactorMemoryLimit: '1GiB',
      pipeWindow: '1GiB',
    }),
    read: (settings) => (settings.listeners[0] as TcpListenerSettings)[name],
  });
  const room = { reactorMemoryLimit: '1GiB', pipeWindow: '1GiB' };
  const limits: Limit[] = [
    server('reactorNum', 1, 64),
    server('workerNum', 1, 1_000),
    server('taskWorkerNum', 0, 1_000),
    server('taskSyncInterval', 5, longest, { taskIpcMode: 'queue', taskWorkerNum: 1 }),
    server('taskRetries', 0, 1_000),
    server('taskQueueLimit', 1, 10_000_000),
    server('maxWaitTime', 100, longest),
    server('bootTimeout', 1_000, longest),
    server('maxBootFailures', 1, 1_000),
    server('workerTimeout', 1_000, longest),
    server('heartbeatCheckInterval', 1_000, longest, { heartbeatIdleTime: longest }),
    server('pipeWindow', 64 * KiB, GiB),
    server('reactorMemoryLimit', MiB, 64 * GiB),
    server('packageMaxLength', 1, GiB, room),
    server('maxQueuedBytes', KiB, GiB, room),
    server('socketBufferSize', KiB, GiB, room),
    server('heartbeatIdleTime', 1_000, longest),
    server('concurrency', 1, 1024),
    server('backlog', 1, 65_535),
    server('maxConnection', 1, 1_000_000),
    server('maxConnectionPerAddress', 0, 1_000_000),
    server('connectRate', 0, 1_000_000),
    server('connectRateInterval', 100, longest, { connectRate: 1 }),
    server('partialPacketTimeout', 100, longest),
    server('maxIdleTime', 100, longest),
    server('keepAliveIdle', 1_000, longest),
    listener('port', 0, 65_535),
    listener('packageMaxLength', 1, GiB),
    listener('maxQueuedBytes', KiB, GiB),
    listener('socketBufferSize', KiB, GiB),
    listener('heartbeatIdleTime', 1_000, longest),
    listener('concurrency', 1, 1024),
    listener('backlog', 1, 65_535),
  ];

  for (const { path, least, most, input, read } of limits) {
    it(`${path} are ${least} and ${most}, and one step beyond is refused`, () => {
      expect(read(load(input(least)))).to.equal(least);
      expect(read(load(input(most)))).to.equal(most);
      const zeroIsOff = least === 1_000 && path !== 'bootTimeout';
      for (const beyond of zeroIsOff ? [least - 1, most + 1, -1] : [least - 1, most + 1]) {
        expect(problemsOf(input(beyond)).map((problem) => problem.path)).to.deep.equal([path]);
      }
    });
  }

  const prefixLimits = ['lengthOffset', 'bodyOffset'];
  for (const name of prefixLimits) {
    it(`listeners[0].framing.${name} are 0 and 65535, and one step beyond is refused`, () => {
      expect(problemsOf(withPrefix({ [name]: 0 }))).to.deep.equal([]);
      expect(problemsOf(withPrefix({ [name]: 65_535 }))).to.deep.equal([]);
      for (const beyond of [-1, 65_536]) {
        const problems = problemsOf(withPrefix({ [name]: beyond }));
        expect(problems.map(({ path }) => path)).to.deep.equal([`listeners[0].framing.${name}`]);
      }
    });
  }

  it('a delimiter are 1 and 64 bytes, each from 0 to 255', () => {
    const pathsOf = (bytes: unknown) =>
      problemsOf(withListener({ framing: { kind: 'delimiter', bytes } })).map(({ path }) => path);
    expect(pathsOf([0])).to.deep.equal([]);
    expect(pathsOf(Array(64).fill(255))).to.deep.equal([]);
    for (const bytes of [[], Array(65).fill(0), [256], [-1], [1.5], ['\n'], '\n', undefined, null]) {
      expect(pathsOf(bytes)).to.deep.equal(['listeners[0].framing.bytes']);
    }
  });

  it('names are 1 and 100 characters for the server, as many for a listener', () => {
    expect(load(withServer({ name: 'n'.repeat(100) })).name).to.have.length(100);
    expect(load(withListener({ name: 'n'.repeat(100) })).listeners[0]?.name).to.have.length(100);
    for (const name of ['', 'n'.repeat(101), 'two\nlines', 7, null]) {
      expect(problemsOf(withServer({ name })).map(({ path }) => path)).to.deep.equal(['name']);
    }
    for (const name of ['', 'n'.repeat(101), 'bell\u0007', {}]) {
      expect(problemsOf(withListener({ name })).map(({ path }) => path)).to.deep.equal(['listeners[0].name']);
    }
  });

  it('the path of a unix listener are an absolute one of 100 bytes that is no directory', () => {
    const withPath = (path: unknown) => ({ listeners: [{ type: 'unix', path }] });
    const path = '/'.padEnd(100, 'a');
    expect(load(withPath(path)).listeners[0]).to.include({ path, name: path, mode: 0o660 });
    const problems = [`${path}a`, 'relative.sock', '/run/', '', '/run/a\0b', 7].map((each) =>
      problemsOf(withPath(each)).map(({ reason }) => reason),
    );
    expect(problems).to.deep.equal([
      ['has 101 bytes'],
      ['is not an absolute path'],
      ['is a directory'],
      ['is not an absolute path'],
      ['has control characters'],
      ['is not a string'],
    ]);
  });

  it('the mode of a unix listener are 0o000 and 0o777, as a number or in octal digits', () => {
    const withMode = (mode: unknown) => ({ listeners: [{ type: 'unix', path: '/run/a', mode }] });
    const modeOf = (mode: unknown) => (load(withMode(mode)).listeners[0] as { mode: number }).mode;
    expect([0, 0o777, '000', '0777', '600'].map(modeOf)).to.deep.equal([0, 0o777, 0, 0o777, 0o600]);
    for (const mode of [0o1000, -1, 6.5, '888', '66', '1777', null])
      expect(problemsOf(withMode(mode)).map(({ path }) => path)).to.deep.equal(['listeners[0].mode']);
  });

  it('a unix listener has no option of TCP', () => {
    const options = { type: 'unix', path: '/run/a', host: '::', noDelay: true, maxConnectionPerAddress: 1 };
    expect(problemsOf({ listeners: [options] }).map(({ reason }) => reason)).to.deep.equal([
      'is not an option of unix()',
      'is not an option of unix()',
      'is not an option of unix()',
    ]);
  });

  it('maxConnection is by default what the limit of open files has room for, and at most 100 000', () => {
    const most = (openFiles: number | undefined, more = {}): number =>
      loadSettings(withServer(more), { ...environment, ...(openFiles !== undefined && { openFiles }) })
        .maxConnection;
    expect(most(undefined)).to.equal(100_000);
    expect(most(1_048_576)).to.equal(100_000);
    expect(most(4_096)).to.be.within(3_000, 4_000);
    expect(most(4_097) - most(4_096)).to.equal(1);
    expect(most(1_024, { mode: 'base' })).to.be.within(800, 1_000);
    expect(most(10)).to.equal(1);
    expect(most(10, { maxConnection: 50_000 })).to.equal(50_000);
  });

  it('logFile are a path of 1 to 4095 bytes that is no directory', () => {
    const reasonsOf = (logFile: unknown) => problemsOf(withServer({ logFile })).map(({ reason }) => reason);
    expect(reasonsOf('/'.padEnd(4_095, 'a'))).to.deep.equal([]);
    expect(reasonsOf('/'.padEnd(4_096, 'a'))).to.deep.equal(['is too long']);
    expect(reasonsOf('')).to.deep.equal(['is empty']);
    expect(reasonsOf('/var/log/')).to.deep.equal(['is a directory']);
    expect(reasonsOf('a\0b')).to.deep.equal(['has a zero byte']);
    expect(reasonsOf(7)).to.deep.equal(['is not a string']);
  });

  it('runtimeDirectory are an absolute path and 100 bytes', () => {
    const reasonsOf = (runtimeDirectory: unknown) =>
      problemsOf(withServer({ runtimeDirectory })).map(({ reason }) => reason);
    expect(reasonsOf(`/${'d'.repeat(99)}`)).to.deep.equal([]);
    expect(reasonsOf(`/${'d'.repeat(100)}`)).to.deep.equal(['is too long for the sockets below it']);
    // 50 letters of two bytes each.
    expect(reasonsOf(`/${'é'.repeat(49)}`)).to.deep.equal([]);
    expect(reasonsOf(`/${'é'.repeat(50)}`)).to.deep.equal(['is too long for the sockets below it']);
    expect(reasonsOf('run')).to.deep.equal(['is not an absolute path']);
    expect(reasonsOf('/run\0')).to.deep.equal(['has a zero byte']);
  });
});

describe('The queue of tasks', () => {
  const queued = { taskIpcMode: 'queue', taskWorkerNum: 1 };

  it('is named after the server, as a file can be', () => {
    expect(load(withServer({ name: '.my server/2' })).messageQueueKey).to.equal('-my-server-2');
    const named = withServer({ ...queued, messageQueueKey: 'mail.v2' });
    expect(load(named).messageQueueKey).to.equal('mail.v2');
  });

  it('has a name of 1 to 200 characters that every system takes', () => {
    const reasonsOf = (messageQueueKey: unknown) =>
      problemsOf(withServer({ ...queued, messageQueueKey })).map(({ reason }) => reason);
    expect(reasonsOf('q'.repeat(200))).to.deep.equal([]);
    expect(reasonsOf('q'.repeat(201))).to.deep.equal(['is too long']);
    expect(reasonsOf('')).to.deep.equal(['is empty']);
    expect(reasonsOf('..')).to.deep.equal(['begins with a dot']);
    expect(reasonsOf('a/b')).to.deep.equal(['is not the name of a file']);
    expect(reasonsOf(7)).to.deep.equal(['is not a string']);
  });

  it('lies below queueDirectory, which is relative to the working directory', () => {
    const placed = withServer({ ...queued, queueDirectory: 'state' });
    expect(load(placed).queueDirectory).to.equal('/srv/echo/state');
    expect(load(withServer({}))).to.not.have.property('queueDirectory');
  });

  it('takes the numbers of the reference', () => {
    const modes = [1, 2, 3].map(
      (taskIpcMode) => load(withServer({ taskIpcMode, taskWorkerNum: 1 })).taskIpcMode,
    );
    expect(modes).to.deep.equal(['socket', 'queue', 'sharedQueue']);
  });

  it('needs task workers, and its options need a queue', () => {
    const told = (settings: object) =>
      problemsOf(withServer(settings)).map(({ path, reason }) => `${path} ${reason}`);
    expect(told({ taskIpcMode: 'queue' })).to.deep.equal([
      'taskIpcMode keeps tasks that nobody does, because taskWorkerNum is 0',
    ]);
    for (const option of [
      { messageQueueKey: 'mail' },
      { queueDirectory: '/q' },
      { taskDurability: 'sync' },
      { taskSyncInterval: 50 },
    ]) {
      const [name] = Object.keys(option);
      expect(told({ ...option, taskWorkerNum: 1 })).to.deep.equal([
        `${name} has no effect, because taskIpcMode is 'socket'`,
      ]);
      expect(told({ ...queued, ...option })).to.deep.equal([]);
    }
    expect(told({ ...queued, taskDurability: 'sync', taskSyncInterval: 50 })).to.deep.equal([
      "taskSyncInterval has no effect, because with taskDurability: 'sync' each task is on disk when it is accepted",
    ]);
  });
});

describe('A host', () => {
  it('is an IPv4 or IPv6 address or a name', () => {
    for (const host of [
      '0.0.0.0',
      '255.255.255.255',
      '::',
      '::1',
      'fe80::1%eth0',
      'localhost',
      'a-b.example',
      '::ffff:1.2.3.4',
    ]) {
      expect(load(withListener({ host })).listeners[0]).to.have.property('host', host);
    }
  });

  it('is not a URL, an address with a port, or half an address', () => {
    for (const host of [
      '',
      '*',
      '256.0.0.1',
      '1.2.3',
      'localhost:80',
      '127.0.0.1:80',
      'tcp://a',
      'a b',
      '-a',
      0,
      null,
    ]) {
      expect(
        problemsOf(withListener({ host })).map(({ path }) => path),
        String(host),
      ).to.deep.equal(['listeners[0].host']);
    }
  });
});

describe('A configuration that does not hold', () => {
  it('is one ConfigError that lists every problem, one line each', () => {
    const input = {
      reactorNum: 0,
      worker_num: 4,
      workerNum: '4',
      heartbeatIdleTime: 60,
      pipeWindow: '1MB',
      runtimeDirectory: '/tmp/\0',
      sendTimeout: 1_000,
      handlers: [class {}],
      listeners: [
        { type: 'tcp', port: 70_000, framing: { kind: 'delimiter', bytes: [] } },
        { type: 'tcp', host: 'a b', prot: 1 },
        'tcp',
        { type: 'sctp', port: 1 },
      ],
    };
    let thrown: unknown;
    try {
      load(input);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).to.be.instanceOf(ConfigError);
    expect(thrown).to.include({ name: 'ConfigError', code: 'CONFIG_INVALID' });
    expect((thrown as ConfigProblems).message.split('\n')).to.deep.equal([
      'the configuration has 15 problems:',
      '  listeners[0].port: 70000 is above the maximum of 65_535; write an integer from 0 to 65_535',
      '  listeners[0].framing.bytes: an empty array marks no end; write 1 to 64 bytes',
      "  listeners[1].host: 'a b' is not an address; write an address such as '127.0.0.1', '0.0.0.0' (all of IPv4) or '::' (all addresses)",
      '  listeners[1].port: nothing was given; write an integer from 0 to 65_535',
      '  listeners[1].prot: 1 is not an option of tcp(); did you mean port?',
      "  listeners[2]: 'tcp' is not a listener; write tcp({ port: 9501 }), unix({ path: '/run/app.sock' }) or udp({ port: 9501 })",
      "  listeners[3].type: 'sctp' is not a transport; write 'tcp', 'unix' or 'udp'",
      '  reactorNum: 0 is below the minimum of 1; write an integer from 1 to 64',
      "  workerNum: '4' is a string; write 'auto' or an integer from 1 to 1000, without quotes",
      "  pipeWindow: '1MB' is not a size; write '1MiB', or 1_000_000 for the decimal unit",
      "  runtimeDirectory: '/tmp/\\u0000' has a zero byte; write an absolute path of at most 100 bytes",
      "  heartbeatIdleTime: 60 is 60 ms, the minimum is 1000 ms; for 60 seconds write 60_000 or '60s'",
      '  handlers: an array of 1 is not a setting; handlers belong to @ServerConfig of @shoal/decorators; with createServer() use server.on(…)',
      '  sendTimeout: 1000 is not in this version; remove it',
      '  worker_num: 4 has no such name; did you mean workerNum?',
    ]);
  });

  it('names its problems in an order that does not depend on the order of writing', () => {
    const options = [
      ['workerNum', 0],
      ['backlog', 0],
      ['zebra', 1],
      ['apple', 1],
      ['listeners', []],
    ] as const;
    const expected = problemsOf(Object.fromEntries(options));
    expect(expected).to.have.length(5);
    fc.assert(
      fc.property(fc.shuffledSubarray([...options], { minLength: options.length }), (shuffled) => {
        expect(problemsOf(Object.fromEntries(shuffled))).to.deep.equal(expected);
      }),
    );
  });

  it('may be no object at all', () => {
    const whole = (input: unknown) => problemsOf(input).map(({ path, found }) => `${path}: ${found}`);
    expect(whole(undefined)).to.deep.equal(['settings: nothing']);
    expect(whole(null)).to.deep.equal(['settings: null']);
    expect(whole([])).to.deep.equal(['settings: an empty array']);
    expect(whole(() => ({}))).to.deep.equal(['settings: a function']);
    expect(whole({})).to.deep.equal(['listeners: nothing']);
    expect(whole({ listeners: [] })).to.deep.equal(['listeners: an empty array']);
    expect(whole({ listeners: tcp({ port: 1 }) })).to.deep.equal(['listeners: an object']);
  });

  it('shows long values cut, and never credentials or the text of options that it does not know', () => {
    const secret = 'correct-horse-battery-staple';
    const url = `https://me:${secret}@example.org/f.js`;
    const input = {
      ...withListener({
        framing: { kind: 'custom', module: url },
        tls: { key: secret, passphrase: [secret] },
      }),
      dbPassword: secret,
      logLevel: 'x'.repeat(1_000),
    };
    try {
      load(input);
      expect.fail('it holds');
    } catch (error) {
      const { message } = error as ConfigProblems;
      expect(message).not.to.include(secret);
      expect(message).to.include('https://…@example.org/f.js');
      expect(message).to.include('dbPassword: a string of 28 characters');
      expect(message).to.include('listeners[0].tls.cert: nothing was given');
      expect(message).to.include('listeners[0].tls.passphrase: an array of 1 is not a string');
      expect(message).to.include('(1000 characters)');
      expect(message).not.to.include('x'.repeat(41));
    }
  });

  it('cannot forge a line of the message by its names', () => {
    const { message } = new ConfigProblems(problemsOf(withServer({ 'a\n  b: c': 1 })));
    expect(message.split('\n')).to.have.length(2);
  });

  it('is refused with an explanation whatever it is', () => {
    fc.assert(
      fc.property(
        fc.object({ key: fc.constantFrom('listeners', 'framing', 'kind', 'port', 'mode', 'x') }),
        (input) => {
          for (const problem of problemsOf(input)) {
            expect(problem.path).not.to.equal('');
            expect(problem.reason).to.match(/\S/);
            expect(problem.remedy).to.match(/\S/);
          }
        },
      ),
    );
  });
});

describe('Settings', () => {
  const number = (least: number, most: number) =>
    fc.option(fc.integer({ min: least, max: most }), { nil: undefined });
  const inherited = {
    packageMaxLength: number(65_600, 4 * MiB),
    maxQueuedBytes: number(KiB, 64 * KiB),
    socketBufferSize: number(KiB, 4 * MiB),
    heartbeatIdleTime: fc.constantFrom(undefined, 0, 1_000, '90s' as const),
    concurrency: number(1, 1024),
    backlog: number(1, 65_535),
    noDelay: fc.constantFrom(undefined, true, false),
  };
  const framing = fc.oneof(
    fc.constant(raw()),
    fc.uint8Array({ minLength: 1, maxLength: 64 }).map((end) => delimiter(end)),
    fc.record({ lengthOffset: fc.nat(100), strip: fc.boolean() }).map((options) => lengthPrefix(options)),
    fc.constant(custom('file:///srv/framing.js')),
  );
  const listener = fc.record({ ...inherited, framing: fc.option(framing, { nil: undefined }) });
  const settingsInput = fc
    .record({
      ...inherited,
      mode: fc.constantFrom(undefined, 1, 2, 'base', 'process'),
      workerNum: fc.constantFrom(undefined, 'auto', 1, 1_000),
      pipeWindow: number(64 * KiB, GiB),
      reactorMemoryLimit: number(4 * MiB, GiB),
      listeners: fc.array(listener, { minLength: 1, maxLength: 4 }),
    })
    .map((input) => ({
      ...input,
      listeners: input.listeners.map((each, index) => tcp({ ...each, port: index + 1 })),
    }));

  it('are the same after a journey as JSON', () => {
    fc.assert(
      fc.property(settingsInput, fc.integer({ min: 1, max: 128 }), (input, cpus) => {
        const settings = load(input, cpus);
        expect(JSON.parse(JSON.stringify(settings))).to.deep.equal(settings);
      }),
    );
  });

  it('are the same when they are loaded again on another machine', () => {
    fc.assert(
      fc.property(settingsInput, fc.integer({ min: 1, max: 128 }), (input, cpus) => {
        const settings = load(input, cpus);
        expect(loadSettings(settings, { cpus: 3, name: 'other', directory: '/other' })).to.deep.equal(
          settings,
        );
      }),
    );
  });

  it('share nothing with what the user wrote', () => {
    const bytes = [10];
    const settings = load(withListener({ framing: { kind: 'delimiter', bytes } }));
    bytes.push(13);
    expect(streamListener(settings, 0).framing).to.deep.equal({
      kind: 'delimiter',
      bytes: [10],
      strip: false,
    });
  });
});
