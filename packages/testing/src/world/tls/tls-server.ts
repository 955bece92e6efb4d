import { X509Certificate } from 'node:crypto';
import { certificateFacts } from '@shoal/core/internal/platform/node/tls/certificate-facts';
import { entryFor } from '@shoal/core/internal/platform/node/tls/server-names';
import type {
  ByteStream,
  Handshake,
  HandshakeEvents,
  TlsInfo,
  TlsMaterial,
  TlsServer,
} from '@shoal/core/internal/platform/platform';
import { VirtualStream } from '../virtual-stream.js';
import type { ClientFinished, ClientHello, ServerHello } from './records.js';
import { SecuredStream, type HandshakeSide } from './secured-stream.js';

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Decides about handshakes as the real world does: names, protocols and certificates are real, the secrets are not. */
export class VirtualTlsServer implements TlsServer {
  readonly #authorities: readonly X509Certificate[];

  constructor(private readonly material: TlsMaterial) {
    this.#authorities = (material.ca?.match(PEM_CERTIFICATE) ?? []).map((text) => new X509Certificate(text));
  }

  secure(stream: ByteStream, head: Buffer, events: HandshakeEvents): Handshake {
    if (!(stream instanceof VirtualStream)) throw new TypeError('the stream was not accepted in this world');
    const secured = new SecuredStream(stream, head, (own) => new ServerSide(own, this, events));
    return { abort: () => secured.destroy(true) };
  }

  /** The answer to a client, or why there is none. */
  answer({ servername = '', alpn }: ClientHello): ServerHello | string {
    const { cert, alpn: spoken, sni, requestCert } = this.material;
    const alpnProtocol = alpn === undefined ? undefined : spoken.find((each) => alpn.includes(each));
    if (alpn !== undefined && spoken.length > 0 && alpnProtocol === undefined)
      return 'no application protocol';
    return {
      cert: entryFor(sni, servername)?.cert ?? cert,
      ...(alpnProtocol !== undefined && { alpnProtocol }),
      requestCert,
    };
  }

  /** What the handshake has come to, or why it is refused. */
  judge(
    { servername }: ClientHello,
    { alpnProtocol }: ServerHello,
    { cert }: ClientFinished,
  ): TlsInfo | string {
    const { requestCert, rejectUnauthorized } = this.material;
    const shown = requestCert && cert !== undefined ? new X509Certificate(cert) : undefined;
    const authorizationError = requestCert ? this.#objection(shown) : undefined;
    if (authorizationError !== undefined && rejectUnauthorized)
      return shown === undefined ? 'peer did not return a certificate' : 'certificate verify failed';
    return {
      protocol: 'TLSv1.3',
      authorized: requestCert && authorizationError === undefined,
      ...(servername !== undefined && { servername }),
      ...(alpnProtocol !== undefined && { alpnProtocol }),
      ...(authorizationError !== undefined && { authorizationError }),
      ...(shown !== undefined && { peerCertificate: certificateFacts(shown) }),
    };
  }

  #objection(shown: X509Certificate | undefined): string | undefined {
    if (shown === undefined) return 'UNABLE_TO_GET_ISSUER_CERT';
    const known = this.#authorities.some((ca) => shown.checkIssued(ca) && shown.verify(ca.publicKey));
    return known ? undefined : 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
  }
}

class ServerSide implements HandshakeSide {
  #hello: ClientHello | undefined;
  #answer: ServerHello | undefined;

  constructor(
    private readonly stream: SecuredStream,
    private readonly server: VirtualTlsServer,
    private readonly events: HandshakeEvents,
  ) {}

  heard(message: object): void {
    if (this.#hello === undefined || this.#answer === undefined) this.#greet(message);
    else this.#conclude(this.#hello, this.#answer, message);
  }

  broken(reason: string): void {
    this.stream.destroy(true);
    this.events.failed(reason);
  }

  #greet(hello: ClientHello): void {
    this.#hello = hello;
    const answer = this.server.answer(hello);
    if (typeof answer === 'string') {
      this.broken(answer);
      return;
    }
    this.#answer = answer;
    this.stream.say(answer);
  }

  #conclude(hello: ClientHello, answer: ServerHello, finished: ClientFinished): void {
    const info = this.server.judge(hello, answer, finished);
    if (typeof info === 'string') {
      this.broken(info);
      return;
    }
    this.stream.finish();
    this.events.secured(this.stream, info);
  }
}
