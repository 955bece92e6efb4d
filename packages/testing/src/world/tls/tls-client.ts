import { X509Certificate } from 'node:crypto';
import { certificateFacts } from '@shoal/core/internal/platform/node/tls/certificate-facts';
import type { ClientTls, ClientTlsOptions } from '../../harness.js';
import { systemError } from '../medium.js';
import type { VirtualStream } from '../virtual-stream.js';
import type { ServerHello } from './records.js';
import { SecuredStream, type HandshakeSide } from './secured-stream.js';

const NO_BYTES = Buffer.alloc(0);

export interface SecuredClient {
  readonly stream: SecuredStream;
  readonly tls: ClientTls;
}

/** Begins the handshake of a client; `done` is told what came of it. */
export function secureClient(
  stream: VirtualStream,
  options: ClientTlsOptions,
  done: (outcome: SecuredClient | Error) => void,
): void {
  const { servername, alpn } = options;
  const secured = new SecuredStream(stream, NO_BYTES, (own) => new ClientSide(own, options, done));
  secured.say({ ...(servername !== undefined && { servername }), ...(alpn !== undefined && { alpn }) });
}

class ClientSide implements HandshakeSide {
  constructor(
    private readonly stream: SecuredStream,
    private readonly options: ClientTlsOptions,
    private readonly done: (outcome: SecuredClient | Error) => void,
  ) {}

  heard(message: object): void {
    const { cert, alpnProtocol, requestCert } = message as ServerHello;
    const { certificate } = this.options;
    this.stream.say(requestCert && certificate !== undefined ? { cert: certificate.cert } : {});
    this.stream.finish();
    const serverCertificate = certificateFacts(new X509Certificate(cert));
    const tls = { serverCertificate, ...(alpnProtocol !== undefined && { alpnProtocol }) };
    this.done({ stream: this.stream, tls });
  }

  broken(): void {
    this.stream.destroy();
    this.done(systemError('ECONNRESET', 'the server has left before the handshake was over'));
  }
}
