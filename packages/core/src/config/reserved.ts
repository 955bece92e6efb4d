/**
 * Names that are not options here, and what is said to those who write them.
 * They are in camelCase; `worker_num` and the like are turned into it first.
 */

/** Options of Swoole that another one covers, and what to write instead. */
export const moved: Readonly<Record<string, string>> = {
  openEofCheck: "framing: delimiter('\\r\\n\\r\\n') in the listener",
  openEofSplit: "framing: delimiter('\\r\\n\\r\\n') in the listener",
  packageEof: "framing: delimiter('\\r\\n\\r\\n') in the listener",
  openLengthCheck: "framing: lengthPrefix({ type: 'uint32be', bodyOffset: 4 }) in the listener",
  packageLengthType: "framing: lengthPrefix({ type: 'uint32be' }) in the listener",
  packageLengthOffset: 'framing: lengthPrefix({ lengthOffset: 0 }) in the listener',
  packageBodyOffset: 'framing: lengthPrefix({ bodyOffset: 4 }) in the listener',
  packageBodyStart: 'framing: lengthPrefix({ bodyOffset: 4 }) in the listener',
  dispatchFunc: "dispatchModule: new URL('./dispatch.js', import.meta.url)",
  dispatchFunction: "dispatchModule: new URL('./dispatch.js', import.meta.url)",
  packageLengthFunc: "framing: custom(new URL('./framing.js', import.meta.url)) in the listener",
  openTcpNodelay: 'noDelay: true',
  enableReusePort: 'reusePort: true in the listener',
  openTcpKeepalive: 'keepAlive: true',
  tcpKeepidle: 'keepAliveIdle',
  maxConn: 'maxConnection',
  singleThread: 'reactorNum: 1',
  inputBufferSize: 'packageMaxLength',
  bufferInputSize: 'packageMaxLength',
  outputBufferSize: 'socketBufferSize',
  bufferOutputSize: 'socketBufferSize',
};

/** Options that this version knows of and does not have. */
export const reserved: readonly string[] = [
  'adminServer',
  'bootstrap',
  'chroot',
  'cpuAffinityIgnore',
  'discardTimeoutRequest',
  'displayErrors',
  'dnsServer',
  'documentRoot',
  'enableCoroutine',
  'enableStaticHandler',
  'eventObject',
  'initArguments',
  'kernelSocketRecvBufferSize',
  'kernelSocketSendBufferSize',
  'logDateFormat',
  'logDateWithMicroseconds',
  'logRotation',
  'maxConcurrency',
  'openCpuAffinity',
  'openHttp2Protocol',
  'openHttpProtocol',
  'openMqttProtocol',
  'openRedisProtocol',
  'openWebsocketProtocol',
  'printBacktraceOnError',
  'reloadAsync',
  'sendTimeout',
  'sendYield',
  'socketConnectTimeout',
  'socketDnsTimeout',
  'socketReadTimeout',
  'socketRecvTimeout',
  'socketSendTimeout',
  'socketTimeout',
  'socketWriteTimeout',
  'startSessionId',
  'staticHandlerLocations',
  'statsFile',
  'statsTimerInterval',
  'taskEnableCoroutine',
  'taskObject',
  'taskUseObject',
  'tcpDeferAccept',
  'tcpFastopen',
  'tcpKeepcount',
  'tcpKeepinterval',
  'tcpUserTimeout',
  'traceFlags',
  'urlRewriteRules',
  'workerMaxConcurrency',
];

/** Whole families: `ssl`, `sslCertFile`, `tls`, `httpCompression` and so on. */
export const reservedFamilies: readonly string[] = [
  'aio',
  'compression',
  'http',
  'http2',
  'iouring',
  'ssl',
  'tls',
  'upload',
  'websocket',
];

export function isReserved(name: string): boolean {
  return (
    reserved.includes(name) ||
    reservedFamilies.some(
      (family) => name.startsWith(family) && /^([A-Z].*)?$/.test(name.slice(family.length)),
    )
  );
}
