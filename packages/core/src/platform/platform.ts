/**
 * The seam between the kernel and the world it runs in.
 *
 * Every role (master, reactor, manager, worker, task worker) receives one
 * `Platform` and reaches clocks, randomness, processes, threads, sockets and
 * files through it alone. `platform/node` is the real world; `@shoal/testing`
 * brings a simulated one. Nothing here imports anything of ours, so that both
 * worlds can be written against this page only.
 */
export interface Platform {
  readonly clock: Clock;
  readonly random: Random;
  readonly self: Self;
  readonly processes: Processes;
  readonly threads: Threads;
  readonly network: Network;
  readonly pipes: Pipes;
  readonly files: Files;
  readonly stores: Stores;
  readonly log: LogSink;
  readonly supervisor: Supervisor;
  /** Ordered facts for traces; absent in production, so that a role pays one comparison. */
  readonly observe?: (fact: Fact) => void;
}

/** A plain object that `structuredClone` and JSON both keep. */
export type Message = object;

/** One observed fact: an event that started or settled, a death, a refusal. */
export interface Fact {
  readonly kind: string;
  readonly [field: string]: unknown;
}

export interface Clock {
  /** Milliseconds on a monotonic clock, with fractions. */
  now(): number;
  /** Milliseconds since the epoch. */
  wallTime(): number;
  /** Calls `run` once after `delay` ms. A timer that is pending keeps the process alive. */
  setTimer(delay: number, run: () => void): Timer;
  /** Calls `run` once at the end of the current event-loop turn, after the promise jobs that are queued now. */
  defer(run: () => void): void;
}

export interface Timer {
  /** Idempotent; a cancelled timer never runs. */
  cancel(): void;
}

export interface Random {
  /** A number in [0, 1). */
  next(): number;
}

export type SignalName = 'SIGTERM' | 'SIGINT' | 'SIGUSR1' | 'SIGUSR2' | 'SIGHUP' | 'SIGWINCH';

/** The processors that a process may use. */
export interface Cpus {
  /** Whole ones; at least 1. */
  readonly count: number;
  /** What the count comes from: `affinity allows 4 CPUs, the cgroup quota 2.5`. */
  readonly reason: string;
}

/** The process (or thread) in which this role runs. */
export interface Self {
  readonly pid: number;
  /** What the spawner asked this process to be; undefined in the process that the user started. */
  readonly assignment: Message | undefined;
  /** The link to the spawner; undefined in the process that the user started. */
  readonly parent: Link | undefined;
  /** The title of the process or the name of the thread, as last set. */
  readonly title: string;
  /** The file name of the program the user started, for titles and messages. */
  readonly program: string;
  /** How the user started this program. */
  readonly invocation: Invocation;
  readonly cpus: Cpus;
  /** How many files this process may have open, sockets included; undefined where the system does not tell. */
  readonly openFiles: number | undefined;
  /** The working directory, where relative paths begin. */
  readonly directory: string;
  /**
   * Settings from outside of the program, which go before its own: the same in
   * every process of a server. Throws `ConfigError` CONFIG_INVALID.
   */
  readonly outsideSettings: object;
  setTitle(title: string): void;
  /** How this process is doing. */
  vitals(): Vitals;
  /**
   * Makes the server a daemon: runs the program again in a session of its own,
   * with this file or nothing as its output, and waits until that process says
   * that it has started. Then this one prints its pid and leaves; where that one
   * fails, this one prints why and leaves with its code.
   *
   * Resolves in the daemon itself, and at once in a world without daemons.
   * Throws `ConfigError` CONFIG_LOG_FILE.
   */
  daemonize(output: string | undefined): Promise<void>;
  /**
   * From now on `files` and `log` of this process make and check files as that
   * user would, who needs them later; the process itself stays who it is.
   * Throws `ConfigError` CONFIG_USER.
   */
  prepareUser(user: string, group: string | undefined): void;
  /** Becomes the user that was prepared, for good, and with it what is started from here on. Without one it does nothing. */
  becomeUser(): void;
  /** The server serves: whoever waits for that need not wait any more. */
  started(): void;
  /** Replaces the default action of the signal. Delivered one at a time, between turns. */
  onSignal(signal: SignalName, run: () => void): void;
  /** Called for an exception or rejection that nobody caught; the process must then leave. */
  onUncaught(run: (error: unknown, origin: 'uncaughtException' | 'unhandledRejection') => void): void;
  /**
   * From now on, while the event loop of this process has been blocked for longer
   * than about `afterMs`, the file `path` tells its stack. It comes whole, with
   * mode 0600 and at most 16 KiB, replaces an older one, and goes when the process
   * goes on. Code that does not come back to JavaScript leaves none. Called once.
   */
  traceBlocks(afterMs: number, path: string): void;
  /** Ends this process at once. In a simulation it returns, and the process is dead. */
  exit(code: number): void;
}

export interface Vitals {
  /** Resident memory in bytes; 0 where the system does not tell. */
  readonly rss: number;
  /** ms by which the event loop was late, at the 99th percentile since the last call; null when nothing was measured. */
  readonly loopLagP99: number | null;
}

/** What starts a program again as it was started. */
export interface Invocation {
  readonly execPath: string;
  /** Options of Node. */
  readonly execArgv: readonly string[];
  /** The program, then its arguments. */
  readonly argv: readonly string[];
  readonly cwd: string;
  /** What `SHOAL_SETTINGS` said: settings that the command line gave, as JSON. */
  readonly settings?: string;
}

/** A small-message channel between a process (or thread) and the one that started it. Never a data path. */
export interface Link {
  /** Never throws; a message to a peer that is gone is dropped. */
  send(message: Message, listener?: BoundListener): void;
  /** Sets the one receiver. Messages that came earlier are delivered to it first. */
  onMessage(receive: (message: Message, listener?: BoundListener) => void): void;
  /** Called once when the peer is gone, after its last message. */
  onDisconnect(run: () => void): void;
}

export interface Processes {
  /** Starts another copy of the user's program, which finds `assignment` in its `self`. */
  spawn(assignment: Message, title: string): Child;
  /**
   * Names a living process such that its pid cannot be mistaken for that of a
   * later process; undefined when it does not live.
   */
  identify(pid: number): ProcessIdentity | undefined;
  /** Whether a process of some server of ours lives under that pid. */
  isServer(pid: number): boolean;
  /** Sends the signal if exactly that process still lives; says whether it did. */
  kill(identity: ProcessIdentity, signal: 'SIGKILL' | 'SIGTERM'): boolean;
}

export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in the system's own unit; empty where the system does not tell. */
  readonly startedAt: string;
}

export interface Exit {
  /** Exit code, or null when a signal ended the process. */
  readonly code: number | null;
  /** Name of the signal that ended the process, or null. */
  readonly signal: string | null;
}

export interface Child extends Link {
  readonly pid: number;
  /** Called once, after the last message of the child. */
  onExit(run: (exit: Exit) => void): void;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

export interface Threads {
  /** Starts a reactor thread of this process. It dies with the process. */
  spawn(assignment: Message, name: string): Thread;
}

export interface Thread extends Link {
  /** Called once when the thread has ended; `error` is what ended it, if anything did. */
  onExit(run: (error: Error | undefined) => void): void;
}

export type ListenOptions = TcpListenOptions | UnixListenOptions;

export interface UnixListenOptions {
  /** Absolute, at most 100 bytes. A socket there on which nobody listens is replaced; the socket goes with its listener. */
  readonly path: string;
  /** Of the socket, before anybody can connect. */
  readonly mode: number;
  readonly backlog: number;
  /** Takes a socket that was passed instead of making one; that one stays where it is. */
  readonly descriptor?: number;
}

export interface TcpListenOptions {
  readonly host: string;
  /** 0 to 65535; 0 takes a free port. */
  readonly port: number;
  readonly backlog: number;
  readonly noDelay: boolean;
  /** ms of silence after which the system asks whether the peer is there; absent: it does not. */
  readonly keepAliveIdle?: number;
  /** Of a host of IPv6: no clients of IPv4. */
  readonly ipv6Only?: boolean;
  /** Several sockets on one port; only where `Network.reusePort` is true. */
  readonly reusePort: boolean;
  /** Takes a socket that was passed instead of binding one. */
  readonly descriptor?: number;
  /** Accepted streams go through `TlsServer.secure` before anybody else has them. */
  readonly secured?: boolean;
}

/** By what a server proves who it is: texts in PEM. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
  readonly passphrase?: string;
}

/** What the connections of one listener are secured with. */
export interface TlsMaterial extends TlsIdentity {
  /** By the name that a client asks for, in lower case; `*.name` is all names one level below. */
  readonly sni: Readonly<Record<string, TlsIdentity>>;
  /** Authorities of client certificates, in PEM. */
  readonly ca?: string;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  readonly alpn: readonly string[];
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly ciphers?: string;
  /** What session tickets are sealed with, in base64: whoever has it resumes what another owner of sockets has begun. */
  readonly ticketKeys?: string;
}

/** What is wrong with some material, or will be. */
export interface TlsFinding {
  /** Where in the material: `['sni', 'a.example', 'key']`. */
  readonly path: readonly string[];
  /** Goes on from the name of the file. */
  readonly reason: string;
  readonly remedy: string;
  /** It holds nevertheless. */
  readonly warning: boolean;
}

/** A certificate, as far as applications ask for it. Texts are cut at 1024 characters, the names at 4096. */
export interface PeerCertificate {
  /** A line for each part: `CN=device 7`. */
  readonly subject: string;
  readonly issuer: string;
  /** `DNS:a.example, DNS:b.example`; empty where there are none. */
  readonly subjectaltname: string;
  /** As the certificate writes it: `Jan  1 00:00:00 2030 GMT`. */
  readonly valid_from: string;
  readonly valid_to: string;
  readonly serialNumber: string;
  /** `AB:CD:…`, of SHA-256. */
  readonly fingerprint256: string;
}

/** What a handshake has agreed on. */
export interface TlsInfo {
  /** `TLSv1.3`. */
  readonly protocol: string;
  /** The name that the client asked for; absent where it asked for none, and where it resumes a session of TLS 1.2, which OpenSSL keeps without it. */
  readonly servername?: string;
  /** Absent where none was agreed on. */
  readonly alpnProtocol?: string;
  /** Whether the client has shown a certificate of an authority that counts. */
  readonly authorized: boolean;
  /** Why not; absent where nobody was asked. */
  readonly authorizationError?: string;
  /** What the client has shown, valid or not. */
  readonly peerCertificate?: PeerCertificate;
}

/** Makes connections of one listener secure. */
export interface TlsServer {
  /**
   * Puts TLS over a stream as it was accepted, which belongs to it from then on;
   * one that was started tells its receiver nothing more. `head` was read of it
   * already. `events` is told once, and not before this has returned.
   */
  secure(stream: ByteStream, head: Buffer, events: HandshakeEvents): Handshake;
}

export interface HandshakeEvents {
  secured(stream: ByteStream, info: TlsInfo): void;
  /** The stream is closed, or about to be. */
  failed(reason: string): void;
}

export interface Handshake {
  /** Resets the connection. `events` may still be told. */
  abort(): void;
}

export interface Endpoint {
  /**
   * An IPv4 address in its own form also where it came over a socket of IPv6. Of
   * a unix socket its path, or nothing for a client, whose port is 0.
   */
  readonly address: string;
  readonly port: number;
}

export interface Listener {
  readonly endpoint: Endpoint;
  /** Stops accepting. Connections stay open. Resolves when the port is free. */
  close(): Promise<void>;
}

/** A listening socket that whoever started the server has bound for it. */
export interface PassedSocket {
  /** As the supervisor calls it. */
  readonly name: string;
  readonly descriptor: number;
}

/** A bound listening socket that the holder does not accept on, to be handed to children. */
export interface BoundListener {
  readonly endpoint: Endpoint;
  close(): void;
}

export interface DatagramOptions {
  readonly host: string;
  /** 0 to 65535; 0 takes a free port. */
  readonly port: number;
  /** Takes no IPv4 on an IPv6 address. */
  readonly ipv6Only: boolean;
  /** Bytes; absent where the system's own is meant. */
  readonly recvBufferSize?: number;
  /** As in `ListenOptions`. */
  readonly reusePort: boolean;
  /** Takes a socket that was passed instead of binding one. */
  readonly descriptor?: number;
}

/** What the owner of a socket for datagrams is told. */
export interface DatagramEvents {
  /** The bytes belong to the receiver from now on. May be empty. */
  receive(data: Buffer, from: Endpoint): void;
  /** The system refused to send or to receive; the socket goes on. */
  failed(error: Error): void;
}

export interface DatagramSocket {
  readonly endpoint: Endpoint;
  /** Bytes that were given to it and are not yet with the system. */
  readonly buffered: number;
  /**
   * Never throws: what cannot be sent is told by `failed`. The data must not change while `buffered` is above 0. The
   * address is one of the socket's family; the port may be 0, for a sender may claim to have that.
   */
  send(data: Buffer, address: string, port: number): void;
  /** Reads no further datagram; what comes stays with the system, for others that share the socket. */
  stop(): void;
  /** Sends what was given to it, within a second, then closes. */
  close(): Promise<void>;
}

export interface Network {
  /** Whether several threads or processes can listen on one port, each with a socket of its own. */
  readonly reusePort: boolean;
  /** Sockets that came with the start of the server, in their order; none in a process that it has started. */
  readonly passed: readonly PassedSocket[];
  /** Rejects with an error that has a `code` (EADDRINUSE, EACCES, EADDRNOTAVAIL …). */
  listen(options: ListenOptions, accept: (stream: ByteStream) => void): Promise<Listener>;
  /** Binds without accepting, so that the socket can travel by `Link.send` (base mode's manager). */
  bind(options: ListenOptions): Promise<BoundListener>;
  /** Accepts on a socket that came from another process. */
  adopt(
    bound: BoundListener,
    options: ListenOptions,
    accept: (stream: ByteStream) => void,
  ): Promise<Listener>;
  /** Looks for what is wrong with the material, at that time in ms since the epoch. */
  examineTls(material: TlsMaterial, now: number): readonly TlsFinding[];
  /**
   * What tickets of sessions with this material are sealed with, for all that this
   * process starts: other material has other keys, so that whoever may no longer
   * come in brings no ticket of before.
   */
  ticketKeys(material: TlsMaterial): string;
  /** Throws for material that does not hold. */
  tlsServer(material: TlsMaterial): TlsServer;
  /** Opens a socket for datagrams. Rejects as `listen` does. */
  openDatagrams(options: DatagramOptions, events: DatagramEvents): Promise<DatagramSocket>;
  /** As `bind`, for datagrams: nothing is read here. */
  bindDatagrams(options: DatagramOptions): Promise<BoundListener>;
  /** Reads from a socket that came from another process, and that others may share. */
  adoptDatagrams(
    bound: BoundListener,
    options: DatagramOptions,
    events: DatagramEvents,
  ): Promise<DatagramSocket>;
}

/**
 * Whose the chunks of a stream are. `own`: the receiver's, from then on. `lent`: the
 * receiver's until its `data` returns, which spares the memory.
 */
export type Chunks = 'own' | 'lent';

/** Byte streams between the processes of one server. */
export interface Pipes {
  listen(
    path: string,
    accept: (stream: ByteStream) => void,
    chunks?: Chunks,
  ): Promise<{ close(): Promise<void> }>;
  connect(path: string, chunks?: Chunks): Promise<ByteStream>;
}

/** What the owner of a stream is told, in this order: data*, end?, close. */
export interface StreamEvents {
  /** Never empty. The chunk belongs to the receiver from now on, unless the stream lends its chunks. */
  data(chunk: Buffer): void;
  /** The peer has finished writing. Our side stays open until `end` or `destroy`. */
  end(): void;
  /** `buffered` fell back to 0. */
  drain(): void;
  /** The last event, exactly once; `error` is set when the stream broke. Of a pipe, all that the peer had written has been told before. */
  close(error: Error | undefined): void;
}

export interface ByteStream {
  readonly remote: Endpoint;
  readonly local: Endpoint;
  /** Bytes that were written and are not yet with the system. */
  readonly buffered: number;
  /** Of these, what the system has not taken in part either. Asked now and then, to see whether it takes anything. */
  readonly unsent: number;
  /** It was destroyed, or has broken: of what is written nothing goes out any more, and `close` follows. */
  readonly gone: boolean;
  /** Sets the receiver and starts reading. Called once, in the turn in which the stream was handed over. */
  start(events: StreamEvents): void;
  /** The chunk must not change while `buffered` is above 0. Ignored after `end`, `destroy` or a break. */
  write(chunk: Buffer): void;
  /** Several chunks in one system call where the system has it. */
  writeAll(chunks: readonly Buffer[]): void;
  /** Stops `data` (what is already on its way may still come). Idempotent. */
  pause(): void;
  resume(): void;
  /** Flushes what was written, then ends our side. `close` follows once the peer has ended too. */
  end(): void;
  /** Gives up: unsent bytes are dropped; `close` follows. `reset` sends RST where the transport has it, which TLS has not. */
  destroy(reset?: boolean): void;
}

export interface Files {
  /** Makes a new directory with mode 0700, below `parent` or the system's place for runtime files; removes there what dead servers of this user have left. */
  makeRuntimeDirectory(parent: string | undefined, name: string): Promise<string>;
  /** Stands for the content of a file (a `file:` URL or a path), so that a change shows; empty when it cannot be read. */
  fingerprint(url: string): string;
  /** Gives a directory with what is in it, or a socket, to the user that `Self.prepareUser` has named. Throws the system's error. */
  handOver(path: string): void;
  /** Removes a directory and what is in it. Missing is fine; never throws. */
  removeDirectory(path: string): void;
  /** The text of a certificate, key or the like. Throws the system's error, also where there is none. */
  readMaterial(path: string): string;
  /** The text of a small file; undefined where there is none. Throws the system's error. */
  read(path: string): string | undefined;
  /** Makes a small file, or replaces it as a whole, with mode 0644. Throws the system's error. */
  write(path: string, text: string): void;
  /** Throws the system's error where `write` would, and leaves nothing behind. */
  probe(path: string): void;
  /** Removes a file. Missing is fine; never throws. */
  remove(path: string): void;
  /** Reads a small file of text and removes it; undefined when there is none. Never throws. */
  takeText(path: string): string | undefined;
  /**
   * Makes the directory with mode 0700 in one that is there, for the server whose
   * runtime directory is `owner`, and removes beside it what dead servers of this
   * user have left. Throws `ConfigError` CONFIG_TASK_TMPDIR.
   */
  makeSpoolDirectory(path: string, owner: string): Promise<void>;
  /** Makes a file that was not there, with mode 0600. Rejects with the system's error, and leaves nothing behind then. */
  writeSpool(path: string, content: string | Uint8Array): Promise<void>;
  /** The whole content of a file. Rejects with the system's error. */
  readSpool(path: string): Promise<Buffer>;
  /** Opens a file for reading; whoever opens it closes it. Rejects with the system's error, and for what is no file with bytes in it. */
  openToRead(path: string): Promise<OpenFile>;
  /** As `remove`, without holding the event loop up. Never rejects. */
  discard(path: string): Promise<void>;
  /** Names of what is in a directory; none where there is no such directory. Never throws. */
  list(path: string): readonly string[];
}

export interface OpenFile {
  /** Bytes that it had when it was opened. */
  readonly size: number;
  /** At most so many bytes from there on; none at its end. Rejects with the system's error. */
  read(position: number, bytes: number): Promise<Buffer>;
  /** Never throws; a read that is pending ends first. */
  close(): void;
}

/** Small durable stores, for what must survive the server. */
export interface Stores {
  /**
   * Opens a store, and makes it if it is not there. It has one owner at a time:
   * this process, until `Store.close` or its death.
   *
   * Rejects with `ConfigError` CONFIG_QUEUE_DIRECTORY where the directory cannot
   * be used or another process has the store, and with `ProcessError`
   * QUEUE_DAMAGED where what was confirmed is not all there. Then the store is
   * left as it was.
   */
  open(place: StorePlace): Promise<Store>;
}

export interface StorePlace {
  /** The directory that holds stores; undefined for the user's place for such files. */
  readonly parent: string | undefined;
  /** The name of the store, which is that of its directory in `parent`. */
  readonly name: string;
  /**
   * 0: what is committed is on disk. Otherwise it is with the system, so that it
   * survives every process, and on disk at most so many ms later.
   */
  readonly syncInterval: number;
}

/** What becomes of one key: it gets this value, or goes. */
export interface StoreChange {
  /** 0 to 2^48-1. */
  readonly key: number;
  /** Must not change any more. */
  readonly value: Uint8Array | undefined;
}

/** Values by key. What is read is what was committed. */
export interface Store {
  /** For messages. */
  readonly path: string;
  /**
   * Makes all changes, or none. Resolves when they will be found after a crash.
   * Commits become durable in the order of the calls, and those of one turn together.
   *
   * Rejects with `TaskError` TASK_STORE_FAILED, whose `cause` is the system's
   * error; after some the next commit may succeed (a full disk that was full).
   */
  commit(changes: readonly StoreChange[]): Promise<void>;
  get(key: number): Uint8Array | undefined;
  /** All keys, in no order. */
  keys(): Iterable<number>;
  /** Waits for the commits that were made, then leaves the store to others. */
  close(): Promise<void>;
}

export interface LogRecord {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly role: string;
  readonly workerId?: number;
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

export interface LogWriter {
  write(record: LogRecord): void;
}

export interface LogSink extends LogWriter {
  /**
   * From now on lines go to the end of this file, which is made if it is not
   * there. Throws `ConfigError` CONFIG_LOG_FILE, and then they go where they went.
   */
  open(path: string): void;
  /**
   * Opens the file anew, because the old one has been renamed. Where that fails
   * the old one goes on, and says so. Without a file there is nothing to do.
   */
  reopen(): void;
}

/** Who started the server and wants to know how it is: systemd, or nobody. */
export interface Supervisor {
  /** Tells it, after what was told before. Resolves when it has been told, or cannot be. */
  notify(state: SupervisedState, status: string): Promise<void>;
}

export type SupervisedState = 'ready' | 'reloading' | 'stopping';
