import { readFileSync } from 'node:fs';
import { Connection, Server } from '@shoal/core';
import * as core from '@shoal/core';
import { framings } from '@shoal/core/internal/config/framing-options';
import { listeners } from '@shoal/core/internal/config/listener-options';
import { serverSchema } from '@shoal/core/internal/config/schema';
import * as decorators from '@shoal/decorators';
import { expect } from 'chai';

const page = readFileSync(new URL('../../../docs/from-swoole.md', import.meta.url), 'utf8');

interface Row {
  readonly reference: string;
  readonly here: string;
  readonly verdict: string;
}

const rows: readonly Row[] = page
  .split('\n')
  .filter(
    (line) => line.startsWith('| ') && !/^\| (Swoole|property|-+) +\|/.test(line) && !line.startsWith('| --'),
  )
  .map((line) => {
    const [, reference = '', here = '', verdict = ''] = line.split('|').map((cell) => cell.trim());
    return { reference, here, verdict };
  });

/** What stands in backticks. */
function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
}

const options = new Set(
  [
    serverSchema.shape,
    ...Object.values(listeners).map(({ shape }) => shape),
    ...Object.values(framings).map(({ shape }) => shape),
  ].flatMap((shape) => Object.keys(shape)),
);

/** Whether a name that the page gives for this server is one. */
function isThere(name: string): boolean {
  const decorator = /^@(\w+)$/.exec(name)?.[1];
  if (decorator !== undefined) return decorator in decorators;
  const method = /^(server|connection|task)\.(\w+)(\(\))?$/.exec(name);
  if (method !== null) {
    const type = { server: Server, connection: Connection, task: core.Task }[method[1] as 'server'];
    const [, , name = ''] = method;
    return name in (type.prototype as object);
  }
  const exported = /^(\w+)\(\)$/.exec(name)?.[1];
  if (exported !== undefined) return exported in core;
  const mode = /^'(\w+)'$/.exec(name)?.[1];
  if (mode !== undefined) return dispatchModes().includes(mode);
  return options.has(name.split(':')[0]!);
}

function dispatchModes(): readonly string[] {
  const modes = /^\| `dispatchMode` \| ([^\n]*?) \| /m.exec(configuration())?.[1] ?? '';
  return [...modes.matchAll(/'(\w+)'/g)].map(([, mode]) => mode!);
}

function configuration(): string {
  return readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
}

/** Everything of the reference that a listener or a connection has to do with. */
const REFERENCE = `
  Start BeforeShutdown Shutdown ManagerStart ManagerStop BeforeReload AfterReload WorkerStart WorkerStop WorkerExit
  WorkerError Connect Receive Packet Close BufferFull BufferEmpty Task Finish PipeMessage Request Handshake Open Message
  Disconnect BeforeHandshakeResponse
  __construct set on getCallback listen addListener addProcess addCommand start send sendto sendwait sendfile close exist exists
  pause resume confirm protect bind getClientInfo connection_info getClientList connection_list task taskwait taskWaitMulti
  taskCo finish sendMessage reload shutdown stop heartbeat stats getLastError getWorkerId getWorkerPid getWorkerStatus
  getMasterPid getManagerPid getSocket command
  setting connections host port type ssl mode ports master_pid manager_pid worker_id taskworker worker_pid stats_timer
  reactor_num worker_num task_worker_num single_thread dispatch_mode dispatch_func enable_unsafe_event discard_timeout_request
  enable_delay_receive enable_reuse_port max_connection max_conn max_request max_request_grace task_max_request max_wait_time
  reload_async max_queued_bytes max_concurrency worker_max_concurrency start_session_id user group chroot daemonize pid_file
  open_cpu_affinity cpu_affinity_ignore heartbeat_check_interval input_buffer_size buffer_input_size output_buffer_size
  buffer_output_size send_yield send_timeout enable_coroutine event_object task_use_object task_object task_enable_coroutine
  task_ipc_mode task_tmpdir message_queue_key stats_file stats_timer_interval admin_server bootstrap init_arguments log_file
  log_level log_rotation log_date_format
  backlog socket_buffer_size kernel_socket_recv_buffer_size kernel_socket_send_buffer_size buffer_high_watermark
  buffer_low_watermark heartbeat_idle_time max_idle_time open_tcp_nodelay tcp_defer_accept tcp_fastopen tcp_user_timeout
  open_tcp_keepalive tcp_keepidle tcp_keepinterval tcp_keepcount open_eof_check open_eof_split package_eof open_length_check
  package_length_type package_length_offset package_body_offset package_body_start package_length_func package_max_length
  open_http_protocol open_http2_protocol open_websocket_protocol open_mqtt_protocol open_redis_protocol websocket_subprotocol
  websocket_mask open_websocket_close_frame open_websocket_ping_frame open_websocket_pong_frame
  ssl_cert_file ssl_key_file ssl_ciphers ssl_protocols ssl_verify_peer ssl_allow_self_signed ssl_client_cert_file ssl_cafile
  ssl_capath ssl_verify_depth ssl_prefer_server_ciphers ssl_ecdh_curve ssl_dhparam ssl_compress ssl_sni_certs
`.match(/\S+/g)!;

describe('docs/from-swoole.md', () => {
  it('has a row for every event, method, property and option', () => {
    const named = new Set(rows.flatMap(({ reference }) => namesIn(reference)));
    expect(REFERENCE.filter((name) => !named.has(name))).to.deep.equal([]);
  });

  it('says same, better and how, or left out and why', () => {
    const wrong = rows.filter(
      ({ verdict }) => !/^(same|better[:,] .+|left out: .+|same[:;,] .+)/.test(verdict),
    );
    expect(wrong).to.deep.equal([]);
  });

  it('names what there is, in every row that is not left out', () => {
    const given = rows.flatMap(({ here, verdict }) => (verdict.startsWith('left out') ? [] : namesIn(here)));
    expect(given.filter((name) => !isThere(name))).to.deep.equal([]);
    expect(given.length).to.be.greaterThan(100);
  });
});
