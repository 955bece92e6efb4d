import { z } from 'zod';
import { asCode, asSize, kind, option, optional, required } from './option.js';
import { duration } from './duration.js';
import { boolean, integer } from './scalar.js';
import { GiB, KiB, size } from './size.js';
import { host, text } from './text.js';
import { words } from './words.js';

/** What the server has unless somebody writes it. */
interface Inherited {
  readonly maxQueuedBytes: number;
  readonly handlerTimeout: number;
}

/** A listener that takes datagrams: what only streams have is no option of it. */
export const datagramListener = (inherited: Inherited) =>
  z.strictObject({
    type: kind('udp', 'Datagrams, each a packet of its own.'),
    name: optional(text(64), {
      default: '`host:port/udp`',
      sentence: 'How handlers, logs and errors call this listener; no two have the same.',
    }),
    host: option(host(), {
      default: '0.0.0.0',
      sentence: 'The address to receive on; an IPv6 one makes an IPv6 socket.',
    }),
    port: required(integer(0, 65_535), 'The port to receive on; 0 takes a free one.'),
    ipv6Only: option(boolean(), {
      default: false,
      sentence: 'Takes no IPv4 on an IPv6 address; without it `::` takes both.',
    }),
    recvBufferSize: optional(size(4 * KiB, GiB), {
      default: "the system's",
      sentence:
        'What the system may hold until it is read; the system sees to it that it is no more than its own limit (Linux: `net.core.rmem_max`).',
    }),
    maxQueuedBytes: optional(size(KiB, GiB), {
      default: asSize(inherited.maxQueuedBytes),
      sentence:
        'How much may wait in one reactor, because no worker is ready or its window is full; the newest that exceeds it is dropped and counted.',
    }),
    handlerTimeout: optional(duration(100, 'zeroIsOff'), {
      default: asCode(inherited.handlerTimeout),
      sentence:
        'How long an async handler of a packet may take to settle; after that, and at most a quarter more, the packet is refused.',
    }),
    onWorkerLost: optional(words({ redeliver: [], drop: [] }), {
      default: `${asCode('redeliver')}; \`'drop'\` where the server has \`'close'\``,
      sentence:
        'What becomes of packets that a worker may have started when it is lost: delivered again, or dropped and counted.',
    }),
  });
